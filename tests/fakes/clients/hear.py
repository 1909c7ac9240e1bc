"""hear.py websocket|grpc HOST: what the service of that name answers, or what the library says."""
import asyncio
import sys

kind, host = sys.argv[1:]
AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'


async def over_websocket():
    import ssl
    import websockets
    context = ssl.create_default_context(cafile=AUTHORITIES)
    async with websockets.connect('wss://%s/' % host, ssl=context) as socket:
        await socket.send('hello')
        return await socket.recv()


def over_grpc():
    import grpc
    with open(AUTHORITIES, 'rb') as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    with grpc.secure_channel(host + ':443', credentials) as channel:
        return channel.unary_unary('/Ear/Hear')(b'hello', timeout=9).decode()


try:
    print(asyncio.run(over_websocket()) if kind == 'websocket' else over_grpc())
except Exception as error:
    print(type(error).__name__, error)
