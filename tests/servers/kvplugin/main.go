// A plugin of a server, a program of its own: the engine of key and value that Vault has built in, or, with the argument
// `auth`, an auth method that lets nobody in and says which version it is.
package main

import (
	"context"
	"log"
	"os"

	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"
)

func auth(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
	backend := &framework.Backend{BackendType: logical.TypeCredential, RunningVersion: "v0.1.0"}
	return backend, backend.Setup(ctx, config)
}

func main() {
	factory := kv.Factory
	if len(os.Args) > 1 && os.Args[1] == "auth" {
		factory = auth
	}
	err := plugin.ServeMultiplex(&plugin.ServeOpts{BackendFactoryFunc: factory})
	if err != nil {
		log.Fatal(err)
	}
}
