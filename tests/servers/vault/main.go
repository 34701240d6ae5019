// A Vault server made of the published Go module: the same code as the release, without its web interface.
package main

import (
	"os"

	"github.com/hashicorp/vault/command"
)

func main() {
	arguments := os.Args[1:]
	os.Exit(command.Run(arguments))
}
