// One call: the microphone is sent, a fixed number of slots is received. The server assigns speakers to slots and names
// the speaker in CSRC, so that players can join and leave without renegotiation.

import {serverEvents} from './events.js';
import {HttpError, request} from './http.js';

const SLOTS = 8;
const SPEAKING_MS = 400;
const RETRY_MS = 1000;         // and longer after several failures in a row,
const LONGEST_RETRY_MS = 5000;  // up to this

// The server responds to requests, but no voice connection is established. `reached`: voice packets arrive, but the
// handshake failed. `relay`: 'none' or 'failed', set by the caller that tries both ways.
export class NoVoice extends Error {
  constructor(reached) {
    super('no voice connection');
    this.reached = reached;
    this.relay = 'none';
  }
}

// The server does not respond to requests.
export class ServerSilent extends Error {}

// The server reports that the player has left, for this `reason`.
export class Departed extends Error {
  constructor(reason) {
    super(`departed: ${reason}`);
    this.reason = reason;
  }
}

// Browsers support NACK for voice, but offer it only for video unless the offer is changed.
function withNack(offer) {
  const sdp = offer.sdp.replaceAll(/^a=rtpmap:(\d+) opus\/48000\/2\r\n/gim, '$&a=rtcp-fb:$1 nack\r\n');
  return {type: offer.type, sdp};
}

// The answer with the profile of the microphone's encoder, which reads the frame length and the bandwidth from it. In-band
// FEC stays allowed even if the profile has none. SDP has no parameter for the expected loss: encoders read it from RTCP
// reports.
function shaped(answer, profile) {
  const [session, voice, ...slots] = answer.split(/^(?=m=)/m);
  const format = `minptime=10;useinbandfec=1;maxplaybackrate=${profile.bandwidth_hz};` +
      `maxaveragebitrate=${profile.bitrate_bps}`;
  const changed = voice.replace(/^(a=fmtp:\d+) minptime=.*$/m, `$1 ${format}`)
                      .replace(/^a=ptime:.*$/m, `a=ptime:${profile.frame_ms}`);
  return [session, changed, ...slots].join('');
}

// Events: `state` when connectionState has changed, `room` when `people` has, `audible`, `draining` and `left` with
// the server's data in `detail`, and `forgotten` when the call no longer exists at the server, as after a
// restart.
export class Call extends EventTarget {
  // `microphone` may be null: then the call only listens. It stays open when the call ends. `token` is empty unless the
  // server requires one. `relayOnly`: all packets pass through the TURN server. `audibleHz`: how many events `audible` a second
  // are sent at most; 0: none.
  constructor(room, name, microphone, token, relayOnly = false, audibleHz = 0) {
    super();
    this.room = room;
    this.name = name;
    this.token = token;
    this.relayOnly = relayOnly;
    this.audibleHz = audibleHz;
    this.path = `/v1/rooms/${encodeURIComponent(room)}/players/${encodeURIComponent(name)}`;
    this.location = null;
    this.answer = null;
    this.people = new Map();  // by name, as the server describes them
    this.profile = null;      // the last one that the server advised
    this.reached = false;     // by voice packets
    this.joined = false;      // was connected once
    this.turn = Promise.resolve();  // the previous negotiation
    this.ending = new AbortController();
    this.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
    this.microphone = microphone?.track ?? null;
    if (this.microphone) this.pc.addTransceiver(this.microphone, {direction: 'sendonly', streams: [microphone.stream]});
    this.slots = Array.from({length: SLOTS}, () => this.pc.addTransceiver('audio', {direction: 'recvonly'}));
    this.pc.onconnectionstatechange = () => this.dispatchEvent(new Event('state'));
    this.pc.oniceconnectionstatechange = () => {
      this.reached ||= ['connected', 'completed'].includes(this.pc.iceConnectionState);
    };
  }

  // Returns when voice is connected. Throws an HttpError, NoVoice, Departed or ServerSilent, after at most `limitMs`.
  async join(limitMs) {
    const giveUp = () => this.ending.abort(this.location ? new NoVoice(this.reached) : new ServerSilent());
    const timer = setTimeout(giveUp, limitMs);
    try {
      if (this.relayOnly) await this.useRelay();
      await this.negotiate();
      this.followServer();
      await this.untilConnected();
    } catch (error) {
      throw this.ending.signal.aborted ? this.ending.signal.reason : error;
    } finally {
      clearTimeout(timer);
    }
  }

  async send(path, options = {}) {
    try {
      return await request(path, {...options, signal: this.ending.signal}, this.token);
    } catch (error) {
      throw error instanceof HttpError ? error : new ServerSilent();
    }
  }

  async useRelay() {
    const turn = await (await this.send(`${this.path}/turn`)).json();
    this.ending.signal.throwIfAborted();
    const iceServers = [{urls: turn.uris, username: turn.username, credential: turn.password}];
    this.pc.setConfiguration({...this.pc.getConfiguration(), iceServers, iceTransportPolicy: 'relay'});
  }

  // Runs negotiations one after another.
  oneAtATime(negotiation) {
    const result = this.turn.then(negotiation);
    this.turn = result.catch(() => {});
    return result;
  }

  // Finds a new path after the network has changed: the connection, its keys and the microphone stay. Throws like join();
  // then the old path, if there is one, stays.
  async restartIce() {
    if (this.relayOnly) await this.useRelay();  // the old credentials may have expired
    this.pc.restartIce();
    try {
      await this.negotiate();
    } catch (error) {
      this.onMissing(error);
      throw error;
    }
  }

  negotiate() {
    return this.oneAtATime(async () => {
      try {
        await this.offer();
      } catch (error) {
        if (this.pc.signalingState === 'have-local-offer') await this.pc.setLocalDescription({type: 'rollback'});
        throw error;
      }
    });
  }

  async offer() {
    this.ending.signal.throwIfAborted();
    await this.pc.setLocalDescription(withNack(await this.pc.createOffer()));
    // The session in the location prevents a call that was replaced meanwhile from ending the other one.
    const response = await this.send(this.location ?? this.path, {
      method: 'POST',
      headers: {'Content-Type': 'application/sdp'},
      body: this.pc.localDescription.sdp,
    });
    const location = response.headers.get('Location');
    const isOther = this.location && location !== this.location;
    this.location = location;
    this.answer = await response.text();
    if (this.ending.signal.aborted) return this.leave();  // left while joining
    if (isOther) return this.dispatchEvent(new Event('forgotten'));  // the server has begun a new connection
    const sdp = this.profile ? shaped(this.answer, this.profile) : this.answer;
    await this.pc.setRemoteDescription({type: 'answer', sdp});
  }

  untilConnected() {
    const {signal} = this.ending;
    return new Promise((resolve, reject) => {
      const look = () => {
        if (signal.aborted) return reject(signal.reason);
        if (this.pc.connectionState === 'connected') return resolve(this.joined = true);
        if (this.pc.connectionState === 'failed') return reject(new NoVoice(this.reached));
      };
      this.addEventListener('state', look);
      this.addEventListener('left', ({detail: {reason}}) => {
        const failed = reason === 'session_ended' || reason === 'not_connected';
        reject(failed ? new NoVoice(this.reached) : new Departed(reason));
      });
      signal.addEventListener('abort', look);
      look();
    });
  }

  // Follows the events of the server until the call ends. A broken stream is opened again: another process of the server
  // may have taken over.
  async followServer() {
    for (let failures = 0; !this.ending.signal.aborted; ++failures) {
      try {
        const session = this.location.slice(this.location.indexOf('?'));  // of this call, not of another tab's
        const path = `${this.path}/events${session}` + (this.audibleHz ? `&audible_hz=${this.audibleHz}` : '');
        for await (const {name, data} of serverEvents(path, this.token, this.ending.signal)) {
          failures = 0;
          if (name === 'profile') await this.apply(data);
          if (name === 'room') this.onRoom(data);
          if (['audible', 'draining', 'left'].includes(name)) this.dispatchEvent(new CustomEvent(name, {detail: data}));
          if (name === 'left') return;
        }
      } catch (error) {
        if (this.ending.signal.aborted) return;
        if (this.onMissing(error)) return;
        console.warn('The event stream failed:', error);
      }
      await new Promise((resolve) => setTimeout(resolve, Math.min(RETRY_MS * (failures + 1), LONGEST_RETRY_MS)));
    }
  }

  // Returns whether the server reports that it has no such call, and dispatches the event for it.
  onMissing(error) {
    if (error.status !== 404) return false;
    const replaced = error.field === 'session';
    this.dispatchEvent(replaced ? new CustomEvent('left', {detail: {reason: 'replaced'}}) : new Event('forgotten'));
    return true;
  }

  onRoom({all, players, left}) {
    if (all) this.people.clear();
    for (const player of players) this.people.set(player.id, player);
    for (const name of left) this.people.delete(name);
    this.dispatchEvent(new Event('room'));
  }

  // Waits until no negotiation is in progress, or the call has ended.
  async untilStable() {
    while (!['stable', 'closed'].includes(this.pc.signalingState)) {
      await new Promise((resolve) => this.pc.addEventListener('signalingstatechange', resolve, {once: true}));
    }
  }

  apply(profile) {
    return this.oneAtATime(() => this.shape(profile));
  }

  async shape(profile) {
    const sender = this.microphone ? this.pc.getSenders()[0] : null;
    if (!sender) return;
    await this.untilStable();
    if (this.pc.signalingState === 'closed') return;
    const parameters = sender.getParameters();
    parameters.encodings[0].maxBitrate = profile.bitrate_bps;
    await sender.setParameters(parameters);
    await this.pc.setLocalDescription(withNack(await this.pc.createOffer()));
    await this.pc.setRemoteDescription({type: 'answer', sdp: shaped(this.answer, profile)});
    this.profile = profile;
  }

  // Also while the page is being unloaded.
  leave() {
    this.pc.onconnectionstatechange = null;
    this.ending.abort(new DOMException('the call has ended', 'AbortError'));
    this.pc.close();
    if (this.location) request(this.location, {method: 'DELETE', keepalive: true}, this.token).catch(() => {});
    this.location = null;
  }

  // The current speakers: a map from CSRC to loudness, 0 to 1.
  voices() {
    const voices = new Map();
    const oldest = performance.timeOrigin + performance.now() - SPEAKING_MS;
    for (const {receiver} of this.slots) {
      const level = receiver.getSynchronizationSources()[0]?.audioLevel ?? 0;
      const speakers = receiver.getContributingSources().filter((source) => source.timestamp >= oldest);
      const latest = speakers.sort((a, b) => b.timestamp - a.timestamp)[0];
      if (latest) voices.set(latest.source, Math.max(level, voices.get(latest.source) ?? 0));
    }
    return voices;
  }

  // Totals since the call began; times in milliseconds, null while unknown.
  async stats() {
    const result = {
      state: this.pc.connectionState, rttMs: null, fractionLostOut: null, packetsSent: 0, packetsReceived: 0,
      packetsLost: 0, totalAudioEnergy: 0, srtpCipher: null, dtlsState: null, inbound: [],
    };
    for (const entry of (await this.pc.getStats()).values()) {
      if (entry.type === 'inbound-rtp') {
        result.inbound.push(entry);
        result.packetsReceived += entry.packetsReceived;
        result.packetsLost += Math.max(0, entry.packetsLost);
        result.totalAudioEnergy += entry.totalAudioEnergy ?? 0;
      } else if (entry.type === 'outbound-rtp') {
        result.packetsSent += entry.packetsSent;
      } else if (entry.type === 'remote-inbound-rtp') {
        result.fractionLostOut = entry.fractionLost ?? null;
      } else if (entry.type === 'candidate-pair' && entry.nominated && entry.currentRoundTripTime !== undefined) {
        result.rttMs = entry.currentRoundTripTime * 1000;
      } else if (entry.type === 'transport') {
        result.srtpCipher = entry.srtpCipher ?? null;
        result.dtlsState = entry.dtlsState ?? null;
      }
    }
    return result;
  }
}
