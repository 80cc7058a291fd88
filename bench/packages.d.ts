/** Packages without types that we compare with; those of bench/package.json may not be installed. */
declare module 'bencode'
declare module 'bittorrent-dht'
declare module 'bittorrent-protocol'
declare module 'parse-torrent'
