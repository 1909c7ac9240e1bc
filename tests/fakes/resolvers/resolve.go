// What Go's resolver makes of a name: GODEBUG=netdns=go is its own, netdns=cgo the C library's.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
)

func main() {
	for _, network := range []string{"ip", "ip4", "ip6"} {
		found, err := net.DefaultResolver.LookupIP(context.Background(), network, os.Args[1])
		fmt.Printf("%s:", network)
		if err != nil {
			fmt.Printf(" %v", err)
		}
		for _, address := range found {
			if address.To4() != nil {
				fmt.Print(" A")
			} else {
				fmt.Print(" AAAA")
			}
		}
		fmt.Println()
	}
}
