/**
 * Who may import whom (docs/architecture.md). Each rule's comment is what the offender reads.
 *
 *   util, hash <- bencode <- metainfo <- { tracker wire pex dht utp picker choker storage lsd webseed }
 *     <- net <- torrent <- session <- { stream rpc cli }
 */

const base = ['util', 'hash', 'bencode', 'metainfo']
const cores = ['tracker', 'wire', 'pex', 'dht', 'utp', 'picker', 'choker', 'storage', 'lsd', 'webseed']

/** Folder -> folders below it. Nothing else in src may be imported. */
const below = {
  util: [],
  hash: ['util'],
  bencode: ['util', 'hash'],
  metainfo: ['util', 'hash', 'bencode'],
  ...Object.fromEntries(cores.map((core) => [core, base])),
  net: [...base, ...cores],
  torrent: [...base, ...cores, 'net'],
  session: [...base, ...cores, 'net', 'torrent'],
}

const layers = Object.entries(below).map(([layer, allowed]) => ({
  name: `layer-${layer}`,
  comment: `src/${layer} may import only itself${allowed.length ? ` and ${allowed.join(', ')}` : ''}.`,
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: '^src/', pathNot: `^src/(${[layer, ...allowed].map(literal).join('|')})(/|$)` },
}))

/** Folders of net -> folders of net below them; each may also import the files of net itself. */
const belowInNet = {
  http: [],
  system: ['http'],
  udp: [],
  utp: ['system', 'udp'],
  dht: ['system', 'udp'],
  tracker: ['http', 'system', 'udp'],
  peer: ['system', 'udp', 'utp'],
}

const insideNet = [
  ...Object.entries(belowInNet).map(([folder, allowed]) => ({
    name: `net-${folder}`,
    comment: `src/net/${folder} may import only itself${allowed.length ? `, net/${allowed.join(', net/')}` : ''} and the files of net: world <- http <- { system, udp } <- { utp, dht, tracker } <- peer.`,
    severity: 'error',
    from: { path: `^src/net/${folder}/` },
    to: { path: '^src/net/[^/]+/', pathNot: `^src/net/(${[folder, ...allowed].join('|')})/` },
  })),
  {
    name: 'net-peer-utp',
    comment:
      'src/net/peer may know the type of the uTP transport, which the session opens, and no more of net/utp.',
    severity: 'error',
    from: { path: '^src/net/peer/' },
    to: { path: '^src/net/utp/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'net-world',
    comment:
      'The files of src/net itself are what every folder of it stands on: they import none of these folders.',
    severity: 'error',
    from: { path: '^src/net/[^/]+$' },
    to: { path: '^src/net/[^/]+/' },
  },
]

/** Folders inside a layer that stand on little of it: what else of their layer each may import. */
const parts = [
  [
    'storage/backend',
    '',
    'A backend knows files and bytes, not pieces that are on their way: nothing else of storage.',
  ],
  ['dht/krpc', '', 'KRPC is messages as bytes: it knows nothing else of dht.'],
  ['dht/table', 'krpc/', 'The routing table knows messages (dht/krpc), not what a node does with them.'],
  ['wire/mse', '', 'Message stream encryption lies around the peer protocol and knows nothing else of wire.'],
  ['wire/metadata', '', 'The metadata extension is handed payloads: it knows nothing else of wire.'],
  [
    'wire/hashes',
    'message\\.ts$|peer-context\\.ts$',
    'The hash messages know messages and what the parts of a peer core share (wire/peer-context.ts), not the peer core.',
  ],
  [
    'cli/commands',
    '(?!main)[^/]+\\.ts$',
    'A command uses the files of cli itself; src/cli/main.ts joins the commands.',
  ],
]

const insideLayers = [
  ...parts.map(([folder, allowed, comment]) => {
    const layer = folder.split('/')[0]
    const own = `${folder.slice(layer.length + 1)}/`
    return {
      name: folder.replace('/', '-'),
      comment,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: {
        path: `^src/${layer}/`,
        pathNot: `^src/${layer}/(${allowed === '' ? own : `${own}|${allowed}`})`,
      },
    }
  }),
  {
    name: 'cli-main',
    comment: 'Only src/cli/main.ts imports commands: what two commands share is a file of src/cli.',
    severity: 'error',
    from: { path: '^src/cli/', pathNot: '^src/cli/(main\\.ts$|commands/)' },
    to: { path: '^src/cli/commands/' },
  },
]

/** Folders of torrent -> folders of torrent below them. */
const belowInTorrent = {
  download: [],
  peers: ['download'],
  discovery: ['peers'],
  extensions: ['peers'],
  upload: ['peers'],
  files: ['peers'],
  swarm: ['peers', 'discovery', 'extensions', 'download', 'upload', 'files'],
}

const insideTorrent = Object.entries(belowInTorrent).map(([folder, allowed]) => ({
  name: `torrent-${folder}`,
  comment: `src/torrent/${folder} may import only itself${allowed.length ? `, torrent/${allowed.join(', torrent/')}` : ''} and the files of torrent: download <- peers <- { discovery, extensions, upload, files } <- swarm <- torrent.ts.`,
  severity: 'error',
  from: { path: `^src/torrent/${folder}/` },
  to: { path: '^src/torrent/[^/]+/', pathNot: `^src/torrent/(${[folder, ...allowed].join('|')})/` },
}))

/** Only these may import the given modules of Node. */
const builtins = [
  { modules: 'net|dgram|dns|dns/promises|tls|http2', only: 'net' },
  { modules: 'http|https', only: 'net|stream' },
  { modules: 'fs|fs/promises|worker_threads', only: 'storage|cli|net/system' },
  { modules: 'crypto', only: 'hash|net|storage' },
  { modules: 'timers|timers/promises|perf_hooks|child_process|cluster', only: 'net|cli' },
]

const nodeModules = builtins.map(({ modules, only }) => ({
  name: `node-${modules.split('|')[0]}`,
  comment: `node:${modules.replaceAll('|', ', node:')} only in ${only.replaceAll('|', ', ')}.`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^src/(${only})/` },
  to: { dependencyTypes: ['core'], path: `^(node:)?(${modules})$` },
}))

function literal(text) {
  return text.replaceAll('.', '\\.')
}

export default {
  forbidden: [
    ...layers,
    ...insideNet,
    ...insideLayers,
    ...insideTorrent,
    ...nodeModules,
    {
      name: 'layer-session-file',
      comment: 'src/session.ts and src/index.ts import nothing above them.',
      severity: 'error',
      from: { path: '^src/(session|index)\\.ts$' },
      to: { path: '^src/(testing|entry|stream|rpc|cli)/' },
    },
    {
      name: 'layer-testing',
      comment:
        'src/testing implements the interfaces of net/world.ts and storage, on what net/http has for any world, and imports nothing above them.',
      severity: 'error',
      from: { path: '^src/testing/' },
      to: { path: '^src/', pathNot: '^src/(testing/|util/|storage/|net/world\\.ts$|net/http/)' },
    },
    {
      name: 'layer-tools',
      comment: 'src/stream, src/rpc and src/cli use the public API alone: src/index.ts and src/entry.',
      severity: 'error',
      from: { path: '^src/(stream|rpc|cli)/' },
      to: { path: '^src/', pathNot: '^src/($1/|index\\.ts$|entry/)' },
    },
    {
      name: 'layer-entry',
      comment: 'src/entry joins layers for one subpath export; the tools above it do not belong there.',
      severity: 'error',
      from: { path: '^src/entry/' },
      to: { path: '^src/(cli|rpc)/' },
    },
    {
      name: 'browser-safe',
      comment:
        'util, bencode, metainfo, pex, tracker, wire, picker, choker, dht and utp run in a browser: no module of Node.',
      severity: 'error',
      from: { path: '^src/(util|bencode|metainfo|pex|tracker|wire|picker|choker|dht|utp|lsd|webseed)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-circles',
      comment:
        'Files that import each other, types included, cannot be read apart: move what both need below them, or merge two that are one thing.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'not-resolvable',
      comment: 'This import leads nowhere.',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'tests-stay-out',
      comment: 'src imports nothing from test, bench or examples.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|examples)/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.d\\.ts$' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node'],
    },
  },
}
