"""Makes the network namespace that it runs in a NAT: what leaves it bears the address of the interface that it
leaves by, and what comes to that address unasked is dropped. Talks to nftables itself, since few machines have the
program "nft". Kernels keep the port where they can, and let in answers of that very address and port alone:
an address-and-port-restricted NAT.
"""

import os
import socket
import struct

NETLINK_NETFILTER = 12
NFTABLES = 10
BATCH_BEGIN, BATCH_END = 0x10, 0x11
NEWTABLE, NEWCHAIN, NEWRULE = (NFTABLES << 8 | kind for kind in (0, 3, 6))
REQUEST, ACK, CREATE, APPEND = 1, 4, 0x400, 0x800
NESTED = 0x8000
IPV4 = 2
INPUT, POSTROUTING = 1, 4
DROP, ACCEPT = 0, 1


def attribute(kind, value):
    return struct.pack('=HH', len(value) + 4, kind) + value + bytes(-len(value) % 4)


def text(kind, value):
    return attribute(kind, value.encode() + b'\0')


def number(kind, value):
    return attribute(kind, struct.pack('>I', value))


def nested(kind, *values):
    return attribute(kind | NESTED, b''.join(values))


def message(kind, flags, number_, body=b'', family=IPV4, resource=0):
    payload = struct.pack('>BBH', family, 0, resource) + body
    return struct.pack('=IHHII', len(payload) + 16, kind, REQUEST | flags, number_, 0) + payload


def chain(name, kind, hook, priority, policy):
    hooked = nested(4, number(1, hook), number(2, priority))
    return text(1, 'rarest') + text(3, name) + hooked + number(5, policy) + text(7, kind)


masquerade = nested(4, nested(1, text(1, 'masq'), nested(2)))
wanted = [
    (NEWTABLE, CREATE, text(1, 'rarest')),
    (NEWCHAIN, CREATE, chain('out', 'nat', POSTROUTING, 100, ACCEPT)),
    (NEWCHAIN, CREATE, chain('in', 'filter', INPUT, 0, DROP)),
    (NEWRULE, CREATE | APPEND, text(1, 'rarest') + text(2, 'out') + masquerade),
]
batch = message(BATCH_BEGIN, 0, 0, family=0, resource=NFTABLES)
for at, (kind, flags, body) in enumerate(wanted):
    batch += message(kind, flags | ACK, at + 1, body)
batch += message(BATCH_END, 0, len(wanted) + 1, family=0, resource=NFTABLES)

with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as nftables:
    nftables.bind((0, 0))
    nftables.settimeout(5)
    nftables.send(batch)
    missing = len(wanted)
    while missing > 0:
        answers = nftables.recv(65536)
        while answers:
            length, _, _, _, _, error = struct.unpack_from('=IHHIIi', answers)
            if error != 0:
                raise OSError(-error, os.strerror(-error))
            answers = answers[(length + 3) & ~3:]
            missing -= 1

with open('/proc/sys/net/ipv4/ip_forward', 'w', encoding='ascii') as forward:
    forward.write('1')
