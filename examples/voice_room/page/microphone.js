// The user's microphone. It stays open across connections, so that the chosen device and the muted state stay.

export class InsecurePage extends Error {}

export class Microphone {
  static async open() {
    if (!window.isSecureContext || !navigator.mediaDevices) throw new InsecurePage();
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: {echoCancellation: true, noiseSuppression: true, autoGainControl: true},
    });
    return new Microphone(stream);
  }

  constructor(stream) {
    this.stream = stream;
    this.track = stream.getAudioTracks()[0];
    this.context = new AudioContext();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 1024;
    this.context.createMediaStreamSource(stream).connect(this.analyser);
    this.samples = new Float32Array(this.analyser.fftSize);
  }

  setMuted(muted) {
    this.track.enabled = !muted;
  }

  // The current loudness, 0 to 1.
  level() {
    this.analyser.getFloatTimeDomainData(this.samples);
    return Math.sqrt(this.samples.reduce((sum, sample) => sum + sample * sample, 0) / this.samples.length);
  }

  close() {
    this.track.stop();
    this.context.close();
  }
}
