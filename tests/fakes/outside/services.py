"""Services of the outside that are no web pages: ssh for git, WebSocket over TLS, gRPC over TLS."""
import os
import socket
import subprocess

import names
import web


def ssh(place):
    """Each connection to port 22 gets an sshd of its own, as from inetd, of the person whose PLACE
    is, that runs git alone."""
    owner = os.stat(place)
    for key in ('host_key', 'person_key'):
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', place + '/' + key],
                       check=True)
        os.chown(place + '/' + key, owner.st_uid, owner.st_gid)
    with open(place + '/host_key.pub') as key, open(place + '/known_hosts', 'w') as known:
        known.write('github.com,git.example %s\n' % ' '.join(key.read().split()[:2]))
    with open(place + '/sshd_config', 'w') as config:
        config.write('HostKey %s/host_key\nAuthorizedKeysFile %s/person_key.pub\nStrictModes no\n'
                     'UsePAM no\nPermitRootLogin yes\nPidFile none\n'
                     'ForceCommand cd %s/git/github.com && git-shell -c "$SSH_ORIGINAL_COMMAND"\n'
                     % (place, place, place))
    command = ['/usr/sbin/sshd', '-i', '-e', '-f', place + '/sshd_config']
    as_person = {}
    if os.getuid() == 0 and owner.st_uid != 0:
        as_person = dict(user=owner.st_uid, group=owner.st_gid, extra_groups=[])
    elif os.getuid() == 0:
        # As root it wants a directory that a host has when its sshd runs.
        command = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /run; mkdir /run/sshd; '
                   'exec "$@"', 'sh', *command]
    listener = socket.create_server((names.WEB, 22))

    def serve():
        while True:
            client, _ = listener.accept()
            subprocess.Popen(command, stdin=client, stdout=client, cwd=place, **as_person)
            client.close()
    return serve


def websocket(place):
    import asyncio
    import websockets

    async def echo(socket_):
        async for message in socket_:
            await socket_.send('heard ' + message)

    async def serve():
        async with websockets.serve(echo, names.SOCKETS, 443, ssl=web.tls(place)):
            open(place + '/ready-websocket', 'w').close()
            await asyncio.Future()
    return lambda: asyncio.run(serve())


def grpc(place):
    from concurrent import futures
    import grpc as library

    def read(name):
        with open(place + '/' + name, 'rb') as file:
            return file.read()
    server = library.server(futures.ThreadPoolExecutor(max_workers=2))
    method = library.unary_unary_rpc_method_handler(lambda request, _: b'heard ' + request)
    server.add_generic_rpc_handlers(
        (library.method_handlers_generic_handler('Ear', {'Hear': method}),))
    server.add_secure_port('%s:443' % names.CALLS, library.ssl_server_credentials(
        [(read('key.pem'), read('cert.pem'))]))
    server.start()
    return server.wait_for_termination
