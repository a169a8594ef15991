// One client: joins, connects, talks if it is a speaker, and checks the voice that it receives.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "source/codec/reception.h"
#include "source/codec/rtcp.h"
#include "source/codec/rtp.h"
#include "source/crypto/dtls.h"
#include "source/crypto/srtp.h"
#include "source/http/client.h"
#include "source/load/ice_agent.h"
#include "source/load/lossy_line.h"
#include "source/load/report.h"
#include "source/load/signalling.h"
#include "source/load/tokens.h"
#include "source/load/voice.h"
#include "source/load/walker.h"
#include "source/net/event_loop.h"
#include "source/net/packet_pool.h"
#include "source/net/udp.h"

namespace sluice::load {

// State that all players share.
struct LoadContext {
  net::EventLoop& loop;
  net::PacketPool& pool;
  net::UdpNetwork& network;
  http::Client& http;
  const crypto::DtlsContext& dtls;
  net::UdpStats udp;
  Totals totals;
  Totals lossy_totals;                  // of players on lossy lines: what they received and requested
  std::vector<std::string> rooms{};     // by player
  const TokenSigner* tokens = nullptr;  // null: the HTTP client's token, if any
  Instant began{};                      // reference for the phase of each speaker's frames
  unsigned slots = 1;
  unsigned speakers = 0;            // in each room
  const Melody* silence = nullptr;  // sent by open microphones; null if they are closed
  bool spurts = false;
  bool in_turn = false;
  unsigned flood = 0;              // packets per second of the first player; 0: as the other speakers
  const Walker* walker = nullptr;  // null: the players stand
  bool counting = false;           // the counted phase
  bool talking = true;             // false at the end, while the last packets are in flight
};

class Player final : private net::UdpReceiver, private crypto::DtlsSink {
 public:
  // `melody` is null for a player that never talks; it outlives the player, as does `context`. `place` is the
  // player's index in the room. With `lossy_percent`, the line to the player loses that share.
  Player(LoadContext& context, uint32_t index, std::string room, std::string name, const Melody* melody,
         unsigned place, std::optional<double> lossy_percent = {});
  ~Player() override;

  // kLater: the server responded with 429. kUnauthorized: no token, or an unknown one.
  enum class Joined { kYes, kLater, kUnauthorized, kNo };
  // Blocks until offer and answer are exchanged. `error` gives the reason of a failure.
  Joined join(std::string& error);
  void leave();

  bool connected() const { return srtp_ != nullptr; }
  bool failed() const { return failed_; }
  bool talks() const { return melody_ != nullptr; }
  uint32_t index() const { return index_; }
  bool lossy() const { return line_.has_value(); }
  const std::string& room() const { return room_; }
  const std::string& name() const { return name_; }
  uint32_t sentCounted() const { return sequence_counted_; }
  // By the speaker's index().
  const std::unordered_map<uint32_t, SpeakerReception>& receptions() const { return receptions_; }

 private:
  void onPacket(net::PacketPtr&& packet) override;
  void sendDtls(Bytes datagram) override;
  void sendBytes(Bytes datagram);

  void onPollTimer();
  void onTalkTimer();
  void onReportTimer();
  void onStun(Bytes datagram);
  void onDtls(Bytes datagram);
  void onMedia(net::Packet& packet);
  void onVoice(const rtp::Packet& rtp, Instant received);
  void checkRendering(const rtp::Packet& rtp, uint32_t speaker);
  void checkHandshake();
  void onNackTimer();
  void sendRtcp(const std::function<void(rtcp::Writer&)>& fill);
  void sendVoice(const std::vector<uint8_t>& opus, bool speech);
  bool hasMicrophone() const { return talks() || context_.silence != nullptr; }
  bool speaking() const;
  bool floods() const { return context_.flood > 0 && index_ == 0; }
  Instant nextFrame(Instant now) const;
  void sendFrame();
  std::string token() const;

  LoadContext& context_;
  const uint32_t index_;
  const std::string room_;
  const std::string name_;
  const Melody* const melody_;
  const unsigned place_;
  const rooms::IceCredentials ice_credentials_;
  const uint32_t ssrc_;
  std::string location_;  // URL for leaving; empty when not joined
  Answer answer_;
  std::unique_ptr<net::UdpPort> port_;
  std::optional<IceAgent> ice_;
  std::unique_ptr<crypto::DtlsConnection> dtls_;
  std::unique_ptr<crypto::SrtpSession> srtp_;
  std::optional<LossyLine> line_;
  Totals& totals_;
  bool failed_ = false;
  Instant began_{};
  net::Timer poll_;
  net::Timer talk_;
  net::Timer report_;
  net::Timer nack_;

  uint16_t rtp_sequence_;
  uint32_t rtp_timestamp_;
  uint32_t sequence_counted_ = 0;
  uint32_t packets_sent_ = 0;
  uint32_t octets_sent_ = 0;
  size_t frame_ = 0;
  std::unordered_map<uint32_t, SpeakerReception> receptions_;
  std::unordered_map<uint32_t, uint32_t> csrc_of_;        // by speaker
  std::unordered_map<uint32_t, rtp::Reception> streams_;  // by slot SSRC
};

}  // namespace sluice::load
