// get URL [VIA]: prints the page, or what Go says of it. VIA: the host that is dialled instead.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

func main() {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if len(os.Args) > 2 {
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, os.Args[2]+":443")
		}
	}
	answer, err := (&http.Client{Transport: transport}).Get(os.Args[1])
	if err != nil {
		fmt.Println(err)
		return
	}
	page, _ := io.ReadAll(answer.Body)
	fmt.Print(string(page))
}
