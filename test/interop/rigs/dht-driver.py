"""DHT nodes of libtorrent behind JSON lines: commands on stdin, events and answers on stdout.

One JSON argument: {"addresses": [...]}, one session (and node) for each. Commands carry an "id" that the answer
repeats, and name their node by "node", an index: add-node, announce, get-peers, put, get, put-mutable,
get-mutable, size. Bytes are hex. Finds come as events. End of stdin ends the process.
"""

import json
import os
import sys
import threading

import libtorrent as lt

output_lock = threading.Lock()


def emit(message):
    with output_lock:
        sys.stdout.write(json.dumps(message) + '\n')
        sys.stdout.flush()


def open_session(address):
    return lt.session({
        'listen_interfaces': f'[{address}]:0' if ':' in address else f'{address}:0',
        'enable_dht': True,
        'enable_lsd': False,
        'enable_upnp': False,
        'enable_natpmp': False,
        'dht_bootstrap_nodes': '',
        # All nodes share one address here, which no network in the world does.
        'dht_restrict_routing_ips': False,
        'dht_restrict_search_ips': False,
        'dht_ignore_dark_internet': False,
        'dht_block_ratelimit': 1000000,
        'dht_upload_rate_limit': 10000000,
        'dht_max_fail_count': 20,
        'alert_mask': lt.alert.category_t.dht_notification
        | lt.alert.category_t.status_notification
        | lt.alert.category_t.error_notification
        | lt.alert.category_t.dht_operation_notification,
    })


def text_of(value):
    return value.hex() if isinstance(value, bytes) else str(value).encode().hex()


def answer(sessions, command):
    name = command['cmd']
    session = sessions[command['node']]
    if name == 'add-node':
        session.add_dht_node((command['host'], command['port']))
        return {}
    if name == 'announce':
        # By a torrent: this version's binding cannot express the flags of dht_announce. The port is the session's.
        params = lt.parse_magnet_uri('magnet:?xt=urn:btih:' + command['infoHash'])
        params.save_path = '/nonexistent'
        params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        session.add_torrent(params).force_dht_announce()
        return {'port': session.listen_port()}
    if name == 'get-peers':
        session.dht_get_peers(lt.sha1_hash(bytes.fromhex(command['infoHash'])))
        return {}
    if name == 'put':
        return {'target': str(session.dht_put_immutable_item(bytes.fromhex(command['value'])))}
    if name == 'get':
        session.dht_get_immutable_item(lt.sha1_hash(bytes.fromhex(command['target'])))
        return {}
    if name == 'put-mutable':
        session.dht_put_mutable_item(*(bytes.fromhex(command[key]) for key in ('secret', 'key', 'value', 'salt')))
        return {}
    if name == 'get-mutable':
        session.dht_get_mutable_item(bytes.fromhex(command['key']), bytes.fromhex(command['salt']))
        return {}
    raise ValueError('unknown command ' + name)


def report(node, alert):
    name = type(alert).__name__
    if name == 'listen_succeeded_alert':
        # TCP and UDP, on the same port.
        emit({'event': 'listening', 'node': node, 'port': alert.port})
    elif name == 'listen_failed_alert':
        emit({'event': 'error', 'message': alert.message()})
    elif name == 'dht_get_peers_reply_alert':
        peers = [f'{host}:{port}' for host, port in alert.peers()]
        emit({'event': 'peers', 'node': node, 'infoHash': str(alert.info_hash), 'peers': peers})
    elif name == 'dht_immutable_item_alert':
        emit({'event': 'item', 'node': node, 'target': str(alert.target), 'value': text_of(alert.item['value'])})
    elif name == 'dht_mutable_item_alert':
        found = alert.item
        emit({'event': 'mutable-item', 'node': node, 'seq': found['seq'], 'value': text_of(found['value'])})
    elif name == 'dht_put_alert':
        emit({'event': 'put', 'node': node, 'stored': alert.num_success})


def main():
    addresses = json.loads(sys.argv[1])['addresses']
    sessions = [open_session(address) for address in addresses]
    ended = threading.Event()

    def watch():
        while not ended.wait(0.05):
            for node, session in enumerate(sessions):
                for alert in session.pop_alerts():
                    report(node, alert)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for line in sys.stdin:
        command = json.loads(line)
        try:
            emit({'id': command.get('id'), **answer(sessions, command)})
        except Exception as error:  # the test sees what went wrong
            emit({'id': command.get('id'), 'error': f'{type(error).__name__}: {error}'})
    ended.set()
    watcher.join()
    os._exit(0)


main()
