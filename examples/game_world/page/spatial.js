// Plays the voices of the slots from where their players are (Web Audio API).
//
// track -> low-pass filter -> gain -> direction -> loudspeakers

const RAMP_S = 0.03;  // of changes, so that they do not click
const NO_FILTER_HZ = 20_000;

export class SpatialSound {
  constructor(context) {
    this.context = context;
    this.output = context.createGain();
    this.output.connect(context.destination);
    this.voices = new Map();  // by mid
  }

  // `receiver` is the RTCRtpReceiver of the slot.
  add(mid, receiver) {
    const stream = new MediaStream([receiver.track]);
    // Chromium decodes a remote track only while a media element plays it.
    const element = Object.assign(new Audio(), {srcObject: stream, muted: true});
    element.play().catch(() => {});
    const filter = new BiquadFilterNode(this.context, {type: 'lowpass', frequency: NO_FILTER_HZ});
    const gain = new GainNode(this.context, {gain: 0});
    // Only the direction: the server's gain already includes the distance.
    const panner = new PannerNode(this.context, {panningModel: 'HRTF', rolloffFactor: 0, positionZ: -1});
    this.context.createMediaStreamSource(stream).connect(filter).connect(gain).connect(panner).connect(this.output);
    this.voices.set(mid, {element, filter, gain, panner});
  }

  // `slot` is an entry of the event `audible`.
  render(slot) {
    const voice = this.voices.get(slot.mid);
    if (!voice) return;
    this.ramp(voice.gain.gain, slot.player === undefined ? 0 : slot.gain ?? 1);
    if (slot.player === undefined) return;
    this.ramp(voice.filter.frequency, slot.low_pass_hz ?? NO_FILTER_HZ);
    const azimuth = (slot.azimuth ?? 0) * Math.PI / 180;
    const elevation = (slot.elevation ?? 0) * Math.PI / 180;
    this.ramp(voice.panner.positionX, Math.sin(azimuth) * Math.cos(elevation));
    this.ramp(voice.panner.positionY, Math.sin(elevation));
    this.ramp(voice.panner.positionZ, -Math.cos(azimuth) * Math.cos(elevation));
  }

  ramp(parameter, value) {
    parameter.setTargetAtTime(value, this.context.currentTime, RAMP_S);
  }

  close() {
    for (const {element} of this.voices.values()) element.srcObject = null;
    this.voices.clear();
    this.output.disconnect();
  }
}
