// A Kubernetes API server and the etcd it stores into, in one binary: the first argument says which of the two
// to be, the rest are the flags of that program.
package main

import (
	"log"
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	if len(os.Args) < 2 {
		log.Fatal("say which: etcd or apiserver")
	}
	program := os.Args[1]
	// Both read the process's own arguments somewhere, so they must not see the word that chose them.
	os.Args = append([]string{program}, os.Args[2:]...)
	switch program {
	case "etcd":
		etcdmain.Main(os.Args)
	case "apiserver":
		os.Exit(cli.Run(app.NewAPIServerCommand()))
	default:
		log.Fatalf("neither etcd nor apiserver: %s", program)
	}
}
