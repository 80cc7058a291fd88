"""libtorrent behind JSON lines: commands on stdin, events and answers on stdout.

The process takes its settings as one JSON argument:
  listen       addresses to listen on, ["127.0.0.1"] by default; each is a session of its own, since one session
               takes only one connection from a client that has the same peer id on all of them. A torrent is
               added to all, other commands go to the first
  port         0 takes a free one for each address
  transport    "tcp" (default), "utp" or "both"
  encryption   "plain" (default), "prefer", "rc4" (RC4 only) or "handshake" (obfuscated handshake, plain stream)
  outgoing     address that outgoing connections leave from
  blocks       true for one event "block" when the first block of a torrent arrives
  settings     raw libtorrent settings, applied last

Commands carry an "id" that the answer repeats: create, parse, add, connect, status, flush, trackers, usage,
remove, quit.
End of stdin ends the process. Times ("at") are CLOCK_MONOTONIC in ms, the same clock as Node's.
"""

import json
import os
import resource
import socket
import sys
import threading
import time

import libtorrent as lt

ENCRYPTION = {
    # in_enc_policy, out_enc_policy, allowed_enc_level
    'plain': (2, 2, 1),
    'prefer': (1, 1, 3),
    'rc4': (0, 0, 2),
    'handshake': (0, 0, 1),
}

# peer_info::utp_socket, which this version's binding lacks.
UTP_SOCKET = 1 << 17

output_lock = threading.Lock()
torrents = {}
listening = []
# Torrents of which a block has arrived.
begun = set()


def emit(message):
    with output_lock:
        sys.stdout.write(json.dumps(message) + '\n')
        sys.stdout.flush()


def now():
    return time.monotonic_ns() / 1e6


def text(raw):
    """A path or name of a torrent as a string, whatever its bytes."""
    return raw if isinstance(raw, str) else os.fsdecode(raw)


def usage():
    spent = resource.getrusage(resource.RUSAGE_SELF)
    return {'cpu': spent.ru_utime + spent.ru_stime, 'peak': spent.ru_maxrss * 1024}


def open_session(options, address):
    incoming, outgoing, level = ENCRYPTION[options.get('encryption', 'plain')]
    transport = options.get('transport', 'tcp')
    tcp = transport in ('tcp', 'both')
    utp = transport in ('utp', 'both')
    port = options.get('port', 0)
    settings = {
        'listen_interfaces': f'[{address}]:{port}' if ':' in address else f'{address}:{port}',
        'outgoing_interfaces': options.get('outgoing', ''),
        'enable_dht': False,
        'enable_lsd': False,
        'enable_upnp': False,
        'enable_natpmp': False,
        'enable_incoming_tcp': tcp,
        'enable_outgoing_tcp': tcp,
        'enable_incoming_utp': utp,
        'enable_outgoing_utp': utp,
        'in_enc_policy': incoming,
        'out_enc_policy': outgoing,
        'allowed_enc_level': level,
        'allow_multiple_connections_per_ip': True,
        'alert_mask': lt.alert.category_t.error_notification
        | lt.alert.category_t.status_notification
        | lt.alert.category_t.storage_notification
        | lt.alert.category_t.tracker_notification
        | lt.alert.category_t.connect_notification
        | lt.alert.category_t.peer_notification,
    }
    if options.get('blocks'):
        settings['alert_mask'] |= lt.alert.category_t.block_progress_notification
    settings.update(options.get('settings', {}))
    session = lt.session(settings)
    if any(name.endswith('_rate_limit') for name in settings):
        # By default limits spare local networks, loopback among them.
        everyone = lt.ip_filter()
        everyone.add_rule('0.0.0.0', '255.255.255.255', 1 << lt.session.global_peer_class_id)
        session.set_peer_class_filter(everyone)
    return session


def hashes(info):
    """The infohashes of anything that has info_hashes()."""
    both = info.info_hashes()
    return {
        'infoHash': str(both.v1) if both.has_v1() else None,
        'infoHashV2': str(both.v2) if both.has_v2() else None,
    }


def key_of(handle):
    both = handle.info_hashes()
    return str(both.v1) if both.has_v1() else str(both.v2)


def files_below(path):
    """Path elements of every file, in raw-byte order, which is the order of a v2 tree too."""
    if os.path.isfile(path):
        return [[]]
    found = []
    for folder, _, names in os.walk(path):
        elements = [] if folder == path else os.path.relpath(folder, path).split(os.sep)
        found.extend([*elements, name] for name in names)
    return sorted(found, key=lambda elements: [os.fsencode(element) for element in elements])


def create(command):
    path = os.path.abspath(command['path'])
    storage = lt.file_storage()
    for below in files_below(path):
        storage.add_file(os.path.join(os.path.basename(path), *below), os.path.getsize(os.path.join(path, *below)))
    flags = {'1': lt.create_torrent.v1_only, '2': lt.create_torrent.v2_only, 'hybrid': 0}[command.get('version', '1')]
    maker = lt.create_torrent(storage, command.get('pieceLength', 0), flags)
    for tier, url in enumerate(command.get('trackers', [])):
        maker.add_tracker(url, tier)
    for url in command.get('webSeeds', []):
        maker.add_url_seed(url)
    if 'private' in command:
        maker.set_priv(command['private'])
    lt.set_piece_hashes(maker, os.path.dirname(path))
    encoded = lt.bencode(maker.generate())
    if 'out' in command:
        with open(command['out'], 'wb') as file:
            file.write(encoded)
    return describe(lt.torrent_info(encoded))


def describe(info):
    files = info.files()
    listed = []
    for index in range(files.num_files()):
        if not files.file_flags(index) & lt.file_storage.flag_pad_file:
            listed.append({'path': text(files.file_path(index)), 'length': files.file_size(index)})
    return {
        **hashes(info),
        'name': text(info.name()),
        'pieceLength': info.piece_length(),
        'pieceCount': info.num_pieces(),
        'size': info.total_size(),
        'private': info.priv(),
        'files': listed,
        'trackers': [tracker.url for tracker in info.trackers()],
        'webSeeds': [seed['url'] for seed in info.web_seeds()],
        'magnet': lt.make_magnet_uri(info),
    }


def add(sessions, command):
    started = now()
    handles = [session.add_torrent(add_params(command)) for session in sessions]
    key = key_of(handles[0])
    torrents[key] = handles
    return {'infoHash': key, 'at': started}


def add_params(command):
    if 'magnet' in command:
        params = lt.parse_magnet_uri(command['magnet'])
    else:
        # Not params.ti = torrent_info(...): its reference is counted by Python, and libtorrent's threads drop it
        # without the interpreter's lock, which crashes now and then.
        params = lt.load_torrent_file(command['torrent'])
    params.save_path = command['dir']
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if not command.get('pex'):
        # Else a leech tells seeds of each other, and they keep connecting among themselves.
        params.flags |= lt.torrent_flags.disable_pex
    if command.get('resumed'):
        # As resume data of an earlier run would have it: nothing is checked but the size of the files.
        params.have_pieces = [True] * params.ti.num_pieces()
    if command.get('seedMode'):
        params.flags |= lt.torrent_flags.seed_mode
    if command.get('sequential'):
        params.flags |= lt.torrent_flags.sequential_download
    if 'trackers' in command:
        params.trackers = params.trackers + command['trackers']
    return params


def connect(handle, command):
    at = now()
    for peer in command['peers']:
        host, port = peer.rsplit(':', 1)
        handle.connect_peer((host.strip('[]'), int(port)))
    return {'at': at}


def status(handle):
    state = handle.status()
    peers = []
    for peer in handle.get_peer_info():
        peers.append({
            'address': f'{peer.ip[0]}:{peer.ip[1]}',
            'client': text(peer.client),
            'down': peer.total_download,
            'up': peer.total_upload,
            'utp': bool(peer.flags & UTP_SOCKET),
            'rc4': bool(peer.flags & lt.peer_info.rc4_encrypted),
            'seed': bool(peer.flags & lt.peer_info.seed),
            'pieces': sum(peer.pieces),
        })
    return {
        'state': str(state.state),
        'done': state.total_wanted_done,
        'wanted': state.total_wanted,
        'downloaded': state.total_payload_download,
        'uploaded': state.total_payload_upload,
        'wasted': state.total_redundant_bytes + state.total_failed_bytes,
        'seeding': state.is_seeding,
        'torrentError': state.errc.message() if state.errc.value() else None,
        'peers': peers,
    }


def answer(sessions, command):
    name = command['cmd']
    if name == 'create':
        return create(command)
    if name == 'parse':
        return describe(lt.torrent_info(command['torrent']))
    if name == 'add':
        return add(sessions, command)
    if name == 'usage':
        return usage()
    handles = torrents[command['infoHash']] if 'infoHash' in command else next(iter(torrents.values()))
    handle = handles[0]
    if name == 'flush':
        # "finished" means verified: libtorrent may still be writing. The event "flushed" follows.
        handle.flush_cache()
        return {}
    if name == 'connect':
        return connect(handle, command)
    if name == 'status':
        return status(handle)
    if name == 'trackers':
        return {'trackers': [{'url': t['url'], 'fails': t['fails'], 'message': t['message']} for t in handle.trackers()]}
    if name == 'remove':
        del torrents[key_of(handle)]
        for session, each in zip(sessions, handles):
            session.remove_torrent(each)
        return {}
    raise ValueError('unknown command ' + name)


def report(alert, addresses):
    """Turns the alerts that tests wait for into events."""
    at = now()
    name = type(alert).__name__
    if name == 'listen_succeeded_alert':
        # One line once every address has its socket; TCP and uTP share the port number.
        endpoint = f'{alert.address}:{alert.port}'
        if endpoint not in listening:
            listening.append(endpoint)
            if len(listening) == addresses:
                emit({'event': 'ready', 'listening': listening, 'port': alert.port, **usage()})
    elif name == 'listen_failed_alert':
        emit({'event': 'error', 'message': alert.message()})
    elif name == 'torrent_checked_alert':
        emit({'event': 'checked', 'infoHash': key_of(alert.handle), 'at': at})
    elif name == 'torrent_finished_alert':
        emit({'event': 'finished', 'infoHash': key_of(alert.handle), 'at': at, **usage()})
    elif name == 'cache_flushed_alert':
        emit({'event': 'flushed', 'infoHash': key_of(alert.handle)})
    elif name == 'incoming_connection_alert':
        emit({'event': 'incoming', 'at': at})
    elif name == 'peer_connect_alert':
        emit({'event': 'connected', 'at': at})
    elif name == 'tracker_reply_alert':
        emit({'event': 'tracker', 'url': alert.url, 'peers': alert.num_peers})
    elif name == 'metadata_received_alert':
        emit({'event': 'metadata_received', 'message': alert.message(), 'at': at})
    elif name == 'block_finished_alert':
        key = key_of(alert.handle)
        if key not in begun:
            begun.add(key)
            emit({'event': 'block', 'infoHash': key, 'at': at})
    elif name in ('torrent_error_alert', 'file_error_alert', 'hash_failed_alert', 'tracker_error_alert',
                  'peer_error_alert'):
        emit({'event': name[: -len('_alert')], 'message': alert.message()})
    elif name == 'peer_disconnected_alert':
        emit({'event': 'disconnected', 'message': alert.message(), 'at': at})


def main():
    options = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    addresses = options.get('listen', ['127.0.0.1'])
    sessions = [open_session(options, address) for address in addresses]
    ended = threading.Event()

    def watch(session):
        # Not wait_for_alert: its answer points into a queue that may grow and move meanwhile, which crashes.
        ours, libtorrents = socket.socketpair()
        ours.settimeout(0.2)
        session.set_alert_fd(libtorrents.fileno())
        while not ended.is_set():
            try:
                ours.recv(4096)
            except TimeoutError:
                pass
            for alert in session.pop_alerts():
                try:
                    report(alert, len(addresses))
                except RuntimeError as error:  # the alert's torrent is gone
                    emit({'event': 'late', 'message': str(error)})

    watchers = [threading.Thread(target=watch, args=[session], daemon=True) for session in sessions]
    for watcher in watchers:
        watcher.start()
    for line in sys.stdin:
        command = json.loads(line)
        if command['cmd'] == 'quit':
            break
        try:
            emit({'id': command.get('id'), **answer(sessions, command)})
        except Exception as error:  # the test sees what went wrong, the session lives on
            emit({'id': command.get('id'), 'error': f'{type(error).__name__}: {error}'})
    ended.set()
    for watcher in watchers:
        watcher.join()
    emit({'event': 'exit', **usage()})
    sys.stdout.flush()
    # Skips libtorrent's slow farewell to trackers.
    os._exit(0)


main()
