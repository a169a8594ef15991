// One call: the microphone out, a fixed number of slots in. The server puts whoever speaks into a slot and names the
// speaker in CSRC, so nothing is negotiated again when people come and go.

import {serverEvents} from './events.js';

const SLOTS = 8;
const SPEAKING_MS = 400;
const RETRY_MS = 1000;
const MOST_FAILURES = 10;  // in a row

export class HttpError extends Error {
  constructor(status, message, field) {
    super(field ? `${field}: ${message}` : message);
    this.status = status;
  }
}

async function request(path, options, token) {
  const headers = {...options.headers};
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(path, {...options, headers});
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new HttpError(response.status, problem.error ?? `HTTP ${response.status}`, problem.field);
}

// Browsers ask for lost voice packets and send them again, but offer it for video only unless the offer is changed.
function withNack(offer) {
  const sdp = offer.sdp.replaceAll(/^a=rtpmap:(\d+) opus\/48000\/2\r\n/gim, '$&a=rtcp-fb:$1 nack\r\n');
  return {type: offer.type, sdp};
}

// The answer with what the microphone's encoder shall do: it takes the frame length and the bandwidth from there. In-band FEC
// stays allowed also while the profile does without. SDP has no word for the expected loss: encoders take it from RTCP
// reports.
function shaped(answer, profile) {
  const [session, voice, ...slots] = answer.split(/^(?=m=)/m);
  const format = `minptime=10;useinbandfec=1;maxplaybackrate=${profile.bandwidth_hz};` +
      `maxaveragebitrate=${profile.bitrate_bps}`;
  const told = voice.replace(/^(a=fmtp:\d+) minptime=.*$/m, `$1 ${format}`)
      .replace(/^a=ptime:.*$/m, `a=ptime:${profile.frame_ms}`);
  return [session, told, ...slots].join('');
}

export class Call extends EventTarget {
  // `stream` may be null: then the call only listens. `token` is empty unless the server wants one. `relayOnly`: all goes
  // through the TURN server.
  constructor(room, name, stream, token, relayOnly = false) {
    super();
    this.room = room;
    this.name = name;
    this.token = token;
    this.relayOnly = relayOnly;
    this.location = null;
    this.answer = null;
    this.profile = null;  // that the server asked for last
    this.ending = new AbortController();
    this.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
    this.microphone = stream?.getAudioTracks()[0] ?? null;
    if (this.microphone) this.pc.addTransceiver(this.microphone, {direction: 'sendonly', streams: [stream]});
    this.slots = Array.from({length: SLOTS}, () => this.pc.addTransceiver('audio', {direction: 'recvonly'}));
    this.pc.onconnectionstatechange = () => this.dispatchEvent(new Event('state'));
  }

  async useRelay(path) {
    const turn = await (await request(`${path}/turn`, {}, this.token)).json();
    const iceServers = [{urls: turn.uris, username: turn.username, credential: turn.password}];
    this.pc.setConfiguration({...this.pc.getConfiguration(), iceServers, iceTransportPolicy: 'relay'});
  }

  async join() {
    const path = `/v1/rooms/${encodeURIComponent(this.room)}/players/${encodeURIComponent(this.name)}`;
    if (this.relayOnly) await this.useRelay(path);
    if (this.pc.signalingState === 'closed') return;  // left while joining
    await this.pc.setLocalDescription(withNack(await this.pc.createOffer()));
    const response = await request(path, {
      method: 'POST',
      headers: {'Content-Type': 'application/sdp'},
      body: this.pc.localDescription.sdp,
    }, this.token);
    this.location = response.headers.get('Location');
    if (this.pc.signalingState === 'closed') return this.leave();  // left while joining
    this.answer = await response.text();
    await this.pc.setRemoteDescription({type: 'answer', sdp: this.answer});
    this.followServer(path);
  }

  // What the server wants the call to know, until it ends. A stream that breaks off begins again: another process of
  // the server may have taken over.
  async followServer(path) {
    for (let failures = 0; failures < MOST_FAILURES && !this.ending.signal.aborted; ++failures) {
      try {
        for await (const {name, data} of serverEvents(`${path}/events`, this.token, this.ending.signal)) {
          failures = 0;
          if (name === 'profile') await this.apply(data);
          if (name === 'left') return;
        }
      } catch (error) {
        if (!this.ending.signal.aborted) console.warn('no events from the server:', error);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  // Nothing is being negotiated, or the call is over.
  async untilStable() {
    while (!['stable', 'closed'].includes(this.pc.signalingState)) {
      await new Promise((resolve) => this.pc.addEventListener('signalingstatechange', resolve, {once: true}));
    }
  }

  async apply(profile) {
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

  // Also while the page is going away.
  leave() {
    this.pc.onconnectionstatechange = null;
    this.ending.abort();
    this.pc.close();
    this.microphone?.stop();
    if (this.location) request(this.location, {method: 'DELETE', keepalive: true}, this.token).catch(() => {});
    this.location = null;
  }

  setMuted(muted) {
    if (this.microphone) this.microphone.enabled = !muted;
  }

  async people() {
    const response = await request(`/v1/rooms/${encodeURIComponent(this.room)}`, {}, this.token);
    return (await response.json()).players;
  }

  // Who is heard now: a map from CSRC to loudness, 0 to 1.
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
