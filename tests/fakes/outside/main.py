"""An outside: main.py PLACE PID [SERVICE...] serves names and the web, and what else is named (ssh,
proxy, websocket, grpc), from files below PLACE, as long as the process PID is there. PLACE/ready appears
when all of it answers."""
import os
import sys
import threading
import time

import names
import packages
import proxy
import services
import web

place, watched, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
packages.make(place)
work = [names.server(place), *web.servers(place)]
if 'ssh' in wanted:
    work.append(services.ssh(place))
if 'proxy' in wanted:
    work.append(proxy.server(place, names.WEB))
if 'websocket' in wanted:
    work.append(services.websocket(place))
if 'grpc' in wanted:
    work.append(services.grpc(place))
for each in work:
    threading.Thread(target=each, daemon=True).start()
while 'websocket' in wanted and not os.path.exists(place + '/ready-websocket'):
    time.sleep(0.02)
open(place + '/ready', 'w').close()
while os.path.exists('/proc/%d' % watched):
    time.sleep(0.05)
