// A plugin of a server, a program of its own: the engine of key and value that Vault has built in, or, with the argument
// `auth`, an auth method that lets nobody in.
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
	backend := &framework.Backend{BackendType: logical.TypeCredential}
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
