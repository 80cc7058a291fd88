/** The runs behind the plots of docs/utp.md: uTP on simulated links, each from a fixed seed. */
import { record, type Sample, TcpFlow } from '../../test/support/utp-flows.js'
import { Network, type Side } from '../../test/support/utp-link.js'

/** A line of a panel: one value per sample. */
interface Line {
  readonly name: string
  readonly values: readonly number[]
}

interface Panel {
  readonly title: string
  /** Highest value of the axis. */
  readonly top: number
  readonly lines: readonly Line[]
  /** A value to be marked, with its name. */
  readonly mark?: { readonly value: number; readonly name: string }
}

/** One picture: panels over the same seconds. */
export interface Plot {
  readonly file: string
  readonly title: string
  readonly times: readonly number[]
  readonly panels: readonly Panel[]
}

const INTERVAL = 100

/** One flow on a link of 50 kB/s with ten seconds of buffer. */
function bufferbloat(): Plot {
  const network = new Network(1)
  const link = network.pipe({ delay: 25, rate: 50_000, buffer: 500_000, jitter: 2 })
  const back = network.pipe({ delay: 25, jitter: 2 })
  const [a, b] = [network.host(link), network.host(back)]
  const side = a.connect(b)
  side.send(1e9)
  const samples = record(network.clock, link, INTERVAL, () => [{ sender: side, receiver: b.sides[0] }])
  network.run(() => false, 60_000)
  return {
    file: 'bufferbloat.svg',
    title: 'One flow on 50 kB/s with 500 kB of buffer',
    times: samples.map(({ time }) => time),
    panels: [
      {
        title: 'Queue before the link, ms',
        top: 300,
        lines: [{ name: 'queue', values: samples.map(({ queue }) => queue) }],
        mark: { value: 100, name: 'target' },
      },
      {
        title: 'Window, kB',
        top: 20,
        lines: [{ name: 'window', values: samples.map(({ flows }) => (flows[0]?.window ?? 0) / 1000) }],
      },
      {
        title: 'Rate on the link, kB/s',
        top: 60,
        lines: [
          {
            name: 'rate',
            values: smooth(
              samples.map(({ rate }) => rate / 1000),
              10,
            ),
          },
        ],
        mark: { value: 50, name: 'link' },
      },
    ],
  }
}

/** Two flows on a link of 250 kB/s, the second 30 s later. */
function sharing(): Plot {
  const { network, link, start } = shared()
  const sides: Side[] = [start()]
  const samples = record(network.clock, link, INTERVAL, () =>
    sides.map((sender) => ({ sender, receiver: start.target.sides[sides.indexOf(sender)] })),
  )
  network.run(() => false, 30_000)
  sides.push(start())
  network.run(() => false, 90_000)
  return {
    file: 'sharing.svg',
    title: 'Two flows on 250 kB/s, the second 30 s later',
    times: samples.map(({ time }) => time),
    panels: [
      queuePanel(samples, 300),
      {
        title: 'Rates, kB/s (means of a second)',
        top: 300,
        lines: ['first', 'second'].map((name, i) => ({ name, values: rateOf(samples, i) })),
      },
    ],
  }
}

/** A flow on a link of 250 kB/s with 500 ms of buffer; a TCP flow comes after 20 s and goes after 60. */
function besideTcp(): Plot {
  const { network, link, back, start } = shared(125_000)
  const side = start()
  let tcp: TcpFlow | undefined
  let delivered = 0
  const theirs: number[] = []
  const samples = record(network.clock, link, INTERVAL, () => {
    const bytes = tcp?.delivered ?? 0
    theirs.push((bytes - delivered) / INTERVAL)
    delivered = bytes
    return [{ sender: side, receiver: start.target.sides[0] }]
  })
  network.run(() => false, 20_000)
  tcp = new TcpFlow(network, link, back)
  network.run(() => false, 40_000)
  tcp.stop()
  network.run(() => false, 20_000)
  return {
    file: 'beside-tcp.svg',
    title: 'uTP on 250 kB/s with 500 ms of buffer, TCP from 20 s to 60 s',
    times: samples.map(({ time }) => time),
    panels: [
      queuePanel(samples, 600),
      {
        title: 'Rates, kB/s (means of a second)',
        top: 300,
        lines: [
          { name: 'uTP', values: rateOf(samples, 0) },
          { name: 'TCP', values: smooth(theirs, 10) },
        ],
      },
    ],
  }
}

function shared(buffer = 1_000_000) {
  const network = new Network(1)
  const link = network.pipe({ delay: 25, rate: 250_000, buffer, jitter: 2 })
  const back = network.pipe({ delay: 25, jitter: 2 })
  const target = network.host(back)
  const start = (): Side => {
    const side = network.host(link).connect(target)
    side.send(1e9)
    return side
  }
  return { network, link, back, start: Object.assign(start, { target }) }
}

function queuePanel(samples: readonly Sample[], top: number): Panel {
  return {
    title: 'Queue before the link, ms',
    top,
    lines: [{ name: 'queue', values: samples.map(({ queue }) => queue) }],
    mark: { value: 100, name: 'target' },
  }
}

function rateOf(samples: readonly Sample[], flow: number): number[] {
  return smooth(
    samples.map(({ flows }) => (flows[flow]?.rate ?? 0) / 1000),
    10,
  )
}

/** Means of the last `count` values. */
function smooth(values: readonly number[], count: number): number[] {
  return values.map((_, i) => {
    const last = values.slice(Math.max(0, i + 1 - count), i + 1)
    return last.reduce((sum, value) => sum + value, 0) / last.length
  })
}

export const plots: readonly Plot[] = [bufferbloat(), sharing(), besideTcp()]
