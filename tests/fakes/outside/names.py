"""The name server of the outside: every name it knows, and a log of what it was asked."""
import socket
import struct

WEB, SOCKETS, CALLS, DATABASE = ('93.184.216.%d' % n for n in (34, 36, 37, 38))
NAMES = {
    'example.com': WEB, 'refused.example': WEB, 'github.com': WEB, 'gitlab.com': WEB,
    'registry.npmjs.org': WEB, 'pypi.org': WEB, 'files.pythonhosted.org': WEB,
    'proxy.golang.org': WEB, 'ws.example': SOCKETS, 'grpc.example': CALLS, 'db.example': DATABASE,
}


def serve(place):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.53', 53))
    while True:
        query, peer = server.recvfrom(2048)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode('latin1'))
            at += query[at] + 1
        name, kind = '.'.join(labels).lower(), struct.unpack('>H', query[at + 1:at + 3])[0]
        with open(place + '/asked', 'a') as log:
            log.write(name + '\n')
        known, data = name in NAMES, b''
        if known and kind == 1:
            data = b'\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4' + socket.inet_aton(NAMES[name])
        flags = 0x8180 | (0 if known else 3)
        head = query[:2] + struct.pack('>HHHHH', flags, 1, bool(data), 0, 0)
        server.sendto(head + query[12:at + 5] + data, peer)
