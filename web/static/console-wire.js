// One stream per browser, however many tabs the console is open in.
//
// One tab holds a lock and with it the stream; it asks the server for the news of all tabs and hands
// them on. When it closes, the browser gives the lock to the next, which goes on where each tab is.
// Without locks (plain http on another machine's name) each tab has a stream of its own.

const LOCK = 'front-desk-stream';
const CHANNEL = 'front-desk-console';
const GATHER_MS = 60;
const LOST_AFTER_MS = 5000;
const EVENTS = ['beat', 'inbox', 'message', 'state', 'gone'];
const FOR_ALL = ['open', 'beat', 'lost'];

/** The stream's address for some tabs, in order. @param {{search: string, after: number}[]} pages */
export function streamUrl(path, pages) {
  const parameters = new URLSearchParams();
  for (const {search, after} of pages) {
    const page = new URLSearchParams(search);
    page.set('after', String(after));
    parameters.append('page', page.toString());
  }
  return `${path}?${parameters}`;
}

export class Wire {
  /**
   * @param {URL} url  the stream's address with what this tab shows
   * @param {() => number} lastN  the last row of the log this tab has
   * @param {Object<string, (data: any) => void>} on  by event: open, beat, lost, inbox, message, state, gone
   * @param {() => Promise<boolean>} isHeard  asks whether the server listens to this session
   */
  constructor(url, lastN, on, isHeard) {
    Object.assign(this, {url, lastN, on, isHeard});
    this.id = `${Date.now()}-${Math.random()}`;
    this.pages = new Map();
    if (!navigator.locks) { this.lead(); return; }
    this.channel = new BroadcastChannel(CHANNEL);
    this.channel.addEventListener('message', ({data}) => this.onTab(data));
    this.hello();
    addEventListener('pagehide', () => this.close());
    this.release = () => {};
    navigator.locks.request(LOCK, () => {
      if (this.isClosed) return null;
      this.lead();
      return new Promise((resolve) => { this.release = resolve; });
    });
  }

  close() {
    this.isClosed = true;
    this.isLead = false;
    this.stream?.close();
    this.channel?.postMessage({type: 'bye', id: this.id});
    this.channel?.close();
    this.release?.();
  }

  hello() {
    const {id} = this;
    this.channel?.postMessage({type: 'hello', id, search: this.url.search, after: this.lastN()});
  }

  onTab({type, id, to, name, data, ...page}) {
    if (type === 'who') this.hello();
    if (type === 'news' && (to === this.id || to === 'all')) this.on[name]?.(data);
    if (!this.isLead) return;
    if (type === 'hello') { this.pages.set(id, page); this.openSoon(); }
    if (type === 'bye') this.pages.delete(id);
  }

  lead() {
    this.isLead = true;
    this.pages.set(this.id, {search: this.url.search, after: this.lastN()});
    this.channel?.postMessage({type: 'who'});
    this.openSoon();
  }

  /** Tabs come in a bunch: ask for all of them at once. */
  openSoon() {
    clearTimeout(this.gathering);
    this.gathering = setTimeout(() => this.open(), GATHER_MS);
  }

  open() {
    if (this.isClosed) return;
    this.stream?.close();
    const own = this.pages.get(this.id);
    own.after = Math.max(own.after, this.lastN());
    const ids = [...this.pages.keys()];
    this.stream = new EventSource(streamUrl(this.url.pathname, [...this.pages.values()]));
    this.stream.addEventListener('open', () => this.tell('all', 'open'));
    this.stream.addEventListener('error', () => this.onError());
    for (const name of EVENTS) {
      this.stream.addEventListener(name, (event) => this.onNews(ids, name, JSON.parse(event.data)));
    }
  }

  onNews(ids, name, data) {
    const to = FOR_ALL.includes(name) ? 'all' : ids[data.page];
    const page = this.pages.get(to);
    if (page && name === 'message') page.after = data.n;
    this.tell(to, name, data);
  }

  tell(to, name, data = {}) {
    clearTimeout(this.lostTimer);
    if (to === this.id || to === 'all') this.on[name]?.(data);
    if (to !== this.id) this.channel?.postMessage({type: 'news', to, name, data});
  }

  onError() {
    if (this.stream.readyState === EventSource.CLOSED) { this.retry(1000); return; }
    // The browser tries again by itself; streams also end once a minute on purpose.
    clearTimeout(this.lostTimer);
    this.lostTimer = setTimeout(() => {
      if (this.stream.readyState !== EventSource.OPEN) this.tell('all', 'lost');
    }, LOST_AFTER_MS);
  }

  /** A refusal: signed out, or the server is restarting. */
  retry(afterMs) {
    setTimeout(async () => {
      if (this.isClosed) return;
      if (await this.isHeard()) this.open(); else this.retry(3000);
    }, afterMs);
  }
}
