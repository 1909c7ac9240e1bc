"""get.py URL [VIA]: prints the page by requests, or what Python says of it. VIA: the host that is
connected to instead, and only the handshake is made."""
import socket
import ssl
import sys
import urllib.parse

import requests

try:
    if len(sys.argv) > 2:
        context = ssl.create_default_context(cafile='/etc/ssl/certs/ca-certificates.crt')
        context.wrap_socket(socket.create_connection((sys.argv[2], 443), 9),
                            server_hostname=urllib.parse.urlsplit(sys.argv[1]).hostname)
        print('connected')
    else:
        print(requests.get(sys.argv[1], timeout=9).text, end='')
except (OSError, requests.RequestException) as error:
    print(type(error).__name__, error)
