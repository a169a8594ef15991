"""Players that are not browsers: aiortc and GStreamer's webrtcbin. Both send a tone and measure the received audio."""

import array
import asyncio
import contextlib
import fractions
import math
import re
import struct
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

import av  # noqa: E402
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription  # noqa: E402
from aiortc.mediastreams import MediaStreamError  # noqa: E402

from harness import request  # noqa: E402

LOUD = 500  # of 32768: a sample above noise


def join(sluice, room, name, offer):
    """The answer and the Location."""
    status, headers, text = request(
        f"{sluice.join_url}/v1/rooms/{room}/players/{name}", "POST", offer, {"Content-Type": "application/sdp"}
    )
    if status != 201:
        raise AssertionError(f"{name}: {status} {text}")
    return text, sluice.join_url + headers["Location"]


class Tone(MediaStreamTrack):
    """20 ms frames of 48 kHz mono."""

    kind = "audio"

    def __init__(self):
        super().__init__()
        self._sent, self._start = 0, None

    async def recv(self):
        loop = asyncio.get_running_loop()
        self._start = self._start or loop.time()
        await asyncio.sleep(max(0, self._start + self._sent / 48000 - loop.time()))
        samples = array.array(
            "h", (int(8000 * math.sin(2 * math.pi * 440 * (self._sent + i) / 48000)) for i in range(960))
        )
        frame = av.AudioFrame(format="s16", layout="mono", samples=960)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = 48000, self._sent, fractions.Fraction(1, 48000)
        self._sent += 960
        return frame


class AiortcPlayer:
    """Runs an event loop on its own thread. Use as a context manager."""

    def __init__(self, sluice, room, name, slots=2, feedback=(), track=Tone):
        """`feedback`: the RTCP feedback of the offer, as in a=rtcp-fb. `track`: the audio to send; None: see send()."""
        self._sluice, self._room, self._name, self._slots = sluice, room, name, slots
        self._track = track
        self._feedback = "".join(f"a=rtcp-fb:* {kind}\r\n" for kind in feedback)
        self.answer = ""
        self.rtcp = []  # packets received (RFC 3550 section 6.4), in order
        self.loud_frames = [0] * slots
        self.configs = []  # of the Opus packets received (RFC 6716 section 3.1), in order
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def _wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def __enter__(self):
        self._wait(self._join())
        return self

    def __exit__(self, *_):
        request(self._location, "DELETE")
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _end(self):
        await self._pc.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self):
        self._pc = RTCPeerConnection()
        self._pc.addTransceiver(self._track() if self._track else "audio", direction="sendonly")
        slots = [self._pc.addTransceiver("audio", direction="recvonly") for _ in range(self._slots)]
        await self._pc.setLocalDescription(await self._pc.createOffer())
        offer = re.sub("(?m)^a=rtcp-mux\r\n", lambda line: line[0] + self._feedback, self._pc.localDescription.sdp)
        self.answer, self._location = join(self._sluice, self._room, self._name, self._munge(offer))
        self._watch_rtcp(self._pc.getSenders()[0].transport)
        await self._pc.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
        for slot in slots:
            self._watch(slot.receiver)
        self._tasks = [asyncio.ensure_future(self._listen(i, t.receiver.track)) for i, t in enumerate(slots)]

    def _munge(self, offer):
        """The offer to send instead."""
        return offer

    def _watch(self, receiver):
        handle = receiver._handle_rtp_packet

        async def watched(packet, arrival_time_ms):
            if packet.payload:
                self.configs.append(packet.payload[0] >> 3)
            await handle(packet, arrival_time_ms=arrival_time_ms)

        receiver._handle_rtp_packet = watched

    def _watch_rtcp(self, transport):
        handle = transport._handle_rtcp_data

        async def watched(data):
            rest = data
            while rest:
                size = 4 + 4 * int.from_bytes(rest[2:4], "big")
                self.rtcp.append(rest[:size])
                rest = rest[size:]
            await handle(data)

        transport._handle_rtcp_data = watched

    async def _listen(self, slot, track):
        with contextlib.suppress(MediaStreamError):  # the end
            while True:
                frame = await track.recv()
                samples = array.array("h", bytes(frame.planes[0]))
                self.loud_frames[slot] += max(samples) > LOUD

    def send(self, packets):
        """Sends (seconds, sequence number, timestamp, payload), each at its time from now on; returns a future."""
        return asyncio.run_coroutine_threadsafe(self._send(packets), self._loop)

    async def _send(self, packets):
        sender = self._pc.getSenders()[0]
        start = self._loop.time()
        for at, sequence, timestamp, payload in packets:
            await asyncio.sleep(max(0, start + at - self._loop.time()))
            header = struct.pack("!BBHII", 0x80, 96, sequence, timestamp & 0xFFFFFFFF, sender._ssrc)
            await sender.transport._send_rtp(header + payload)

    def state(self):
        return self._pc.connectionState


class GstreamerPlayer:
    """A pipeline around webrtcbin. The one media section that sends also receives. Use as a context manager."""

    def __init__(self, sluice, room, name, slots=2):
        Gst.init(None)
        self._sluice, self._room, self._name = sluice, room, name
        self.loud_buffers = {}  # by source pad
        self._replies = []  # objects that are taken out of them live no longer than they do
        self._pipeline = Gst.parse_launch(
            "webrtcbin name=rtc bundle-policy=max-bundle "
            "audiotestsrc is-live=true freq=660 volume=0.3 ! audioconvert ! audio/x-raw,rate=48000,channels=1 "
            "! opusenc ! rtpopuspay pt=97 ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! rtc."
        )
        self._rtc = self._pipeline.get_by_name("rtc")
        self._rtc.connect("pad-added", self._on_pad)
        # By default it uses every interface except loopback, and sends from the interface that it bound.
        self._agent = self._rtc.get_property("ice-agent")  # floating: releasing it would destroy it
        self._agent.emit("add-local-ip-address", "127.0.0.1")
        caps = Gst.Caps.from_string(
            "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2"
        )
        for _ in range(slots - 1):
            self._rtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, caps)

    def _call(self, signal, argument):
        promise = Gst.Promise.new()
        self._rtc.emit(signal, argument, promise)
        if promise.wait() != Gst.PromiseResult.REPLIED:
            raise AssertionError(signal)
        self._replies.append(promise.get_reply())
        return self._replies[-1]

    def __enter__(self):
        # An offer depends on the media that the pipeline sends.
        negotiable = threading.Event()
        self._rtc.connect("on-negotiation-needed", lambda _: negotiable.set())
        self._pipeline.set_state(Gst.State.PLAYING)
        if not negotiable.wait(10):
            raise AssertionError("webrtcbin does not negotiate")
        offer = self._call("create-offer", None).get_value("offer")
        self._call("set-local-description", offer)
        answer, self._location = join(self._sluice, self._room, self._name, offer.sdp.as_text())
        _, message = GstSdp.SDPMessage.new()
        GstSdp.sdp_message_parse_buffer(answer.encode(), message)
        self._call(
            "set-remote-description",
            GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message),
        )
        return self

    def __exit__(self, *_):
        request(self._location, "DELETE")
        self._pipeline.set_state(Gst.State.NULL)

    def _on_pad(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        receiver = Gst.parse_bin_from_description(
            "rtpopusdepay ! opusdec ! audioconvert ! audio/x-raw,format=S16LE,channels=1 "
            "! appsink name=sink emit-signals=true sync=false",
            True,
        )
        self._pipeline.add(receiver)
        name = pad.get_name()
        self.loud_buffers[name] = 0
        receiver.get_by_name("sink").connect("new-sample", self._on_sample, name)
        receiver.sync_state_with_parent()
        pad.link(receiver.get_static_pad("sink"))

    def _on_sample(self, sink, name):
        buffer = sink.emit("pull-sample").get_buffer()
        samples = array.array("h", buffer.extract_dup(0, buffer.get_size()))
        self.loud_buffers[name] += max(samples, default=0) > LOUD
        return Gst.FlowReturn.OK

    def state(self):
        return self._rtc.get_property("connection-state").value_nick
