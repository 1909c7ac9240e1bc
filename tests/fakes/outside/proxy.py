"""An HTTP proxy of an outside: CONNECT, to one address whatever name is asked for, and a log of what
it was asked."""
import socket
import threading
import time


def carry(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def give_tunnel(place, to, client):
    head = b''
    while not head.endswith(b'\r\n\r\n'):
        head += client.recv(1)
    lines = head.decode().split('\r\n')
    with open(place + '/proxied', 'a') as log:
        log.write(' | '.join(line for line in lines if line) + '\n')
    name, port = lines[0].split()[1].rsplit(':', 1)
    if name == 'blocked.example':
        client.sendall(b'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno')
        return client.close()
    if name == 'garbage.example':
        client.sendall(b'SSH-2.0-no proxy\r\n\r\n')
        return client.close()
    if name == 'silent.example':
        return time.sleep(60)
    server = socket.create_connection((to, int(port)))
    # In one piece with what the server says first.
    first = server.recv(100) if port == '22' else b''
    client.sendall(b'HTTP/1.1 200 Connection established\r\nVia: outside\r\n\r\n' + first)
    threading.Thread(target=carry, args=(server, client), daemon=True).start()
    carry(client, server)


def server(place, to):
    bound = socket.create_server(('127.0.0.1', 3128))

    def serve():
        while True:
            client, _ = bound.accept()
            threading.Thread(target=give_tunnel, args=(place, to, client), daemon=True).start()
    return serve
