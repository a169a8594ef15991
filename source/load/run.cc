#include "source/load/run.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>

#include "source/base/file.h"
#include "source/base/log.h"
#include "source/load/live_table.h"
#include "source/load/tokens.h"
#include "source/net/signal_watch.h"
#include "source/net/udp_socket.h"

namespace sluice::load {
namespace {

constexpr size_t kMaxPackets = 65'536;
constexpr Duration kJoinInterval = 2ms;
constexpr Duration kJoinPatience = 250ms;  // after a 429
constexpr Duration kSettle = 500ms;        // between the last connection and the counted phase
constexpr Duration kDrain = 500ms;
constexpr Duration kTick = 1s;
constexpr unsigned kVoices = 8;
constexpr size_t kMaxTokenBytes = 4096;

constexpr const char* kWrongSecret = "; the secret must be one of the server's join.token_secrets";
constexpr const char* kTrustHint = "--ca-file FILE names the CA to trust, --insecure accepts any certificate";

// `flag` is the one with the address.
Result<std::unique_ptr<http::Client>> connect(const Options& options, const std::string& flag,
                                              const std::string& url, const std::string& token) {
  auto client = http::Client::make(
      {.url = url,
       .token = token,
       .trust = {.ca_file = options.ca_file, .insecure = options.insecure, .hint = kTrustHint}});
  if (!client.ok()) {
    const Error& error = client.error();
    return Error{error.path == "ca_file" ? "--ca-file" : flag, error.message};
  }
  if (const Status connected = (*client)->connect(); !connected.ok()) {
    return Error{flag, connected.error().message};
  }
  return client;
}

Result<std::unique_ptr<http::Client>> connectToJoinApi(const Options& options) {
  const bool secure = options.join.starts_with("https://");
  if (!options.ca_file.empty() && !secure) return Error{"--ca-file", "needs an https address in --join"};
  if (options.insecure && !secure) return Error{"--insecure", "needs an https address in --join"};
  return connect(options, "--join", options.join, options.token);
}

// Null without --walk.
Result<std::unique_ptr<http::Client>> connectToControlApi(const Options& options) {
  if (!options.walk) return std::unique_ptr<http::Client>();
  std::string token = options.control_token.value_or("");
  if (options.control_token_file) {
    auto text = readFile(*options.control_token_file, kMaxTokenBytes);
    if (!text.ok())
      return Error{"--control-token-file", *options.control_token_file + " " + text.error().message};
    token = *std::move(text);
    token.erase(token.find_last_not_of("\r\n") + 1);
  }
  return connect(options, "--control", options.control, token);
}

// Null if players have no tokens of their own.
Result<std::optional<TokenSigner>> makeSigner(const Options& options) {
  const bool from_file = options.token_secret_file.has_value();
  if (!from_file && !options.token_secret) return std::optional<TokenSigner>();
  auto signer = from_file ? TokenSigner::fromFile(*options.token_secret_file)
                          : TokenSigner::make(*options.token_secret);
  if (signer.ok()) return std::optional(*std::move(signer));
  return Error{from_file ? "--token-secret-file" : "--token-secret", signer.error().message};
}

}  // namespace

struct Run::World {
  World(const Options& run_options, std::unique_ptr<http::Client> client,
        std::unique_ptr<http::Client> control, std::optional<TokenSigner> signer)
      : options(run_options), http(std::move(client)), tokens(std::move(signer)) {
    if (control == nullptr) return;
    walker.emplace(loop, std::move(control), options.field, [this](const std::string& error) {
      log::error("{}", error);
      cannot_walk = true;
    });
    context.walker = &*walker;
  }
  ~World();

  Status makePlayers();
  void interrupt();
  void after(Duration delay, void (World::*next_step)()) {
    on_step = next_step;
    step.arm(delay);
  }
  void joinNext();
  void checkConnected();
  void count();
  void stopTalking();
  void finish();
  void tick();
  void countExpected();
  int exitCode() const;

  const Options options;
  std::unique_ptr<http::Client> http;
  const std::optional<TokenSigner> tokens;
  net::EventLoop loop;
  net::PacketPool pool{kMaxPackets};
  net::SocketNetwork network{loop, pool};
  std::shared_ptr<const crypto::DtlsContext> dtls =
      crypto::DtlsContext::make(crypto::Certificate::generate());
  LoadContext context{.loop = loop,
                      .pool = pool,
                      .network = network,
                      .http = *http,
                      .dtls = *dtls,
                      .udp = {},
                      .totals = {},
                      .lossy_totals = {}};
  std::vector<Melody> melodies;
  Melody silence;
  std::vector<std::unique_ptr<Player>> players;
  std::optional<Walker> walker;
  bool cannot_walk = false;
  size_t next = 0;  // index of the next player to join
  bool interrupted = false;
  Instant counting_since{};
  double counted_seconds = 0;
  LiveTable table{stderr, isatty(STDERR_FILENO) == 1};
  net::SignalWatch on_int{loop, SIGINT, [this] { interrupt(); }};
  net::SignalWatch on_term{loop, SIGTERM, [this] { interrupt(); }};
  void (World::*on_step)() = nullptr;
  net::Timer step{loop.timers(), [this] { (this->*on_step)(); }};
  net::Timer ticker{loop.timers(), [this] { tick(); }};
};

Run::World::~World() {
  players.clear();
}

Status Run::World::makePlayers() {
  for (unsigned voice = 0; voice < kVoices; ++voice) {
    auto melody = makeMelody(voice);
    if (!melody.ok()) return melody.error();
    melodies.push_back(*std::move(melody));
  }
  context.began = loop.clock().now();
  context.slots = options.slotsPerPlayer();
  if (tokens) context.tokens = &*tokens;
  if (options.open_microphones) {
    auto encoded = makeSilence();
    if (!encoded.ok()) return encoded.error();
    silence = *std::move(encoded);
    context.silence = &silence;
  }
  context.speakers = options.speakers;
  context.spurts = options.spurts;
  context.in_turn = options.in_turn;
  context.flood = options.flood;
  std::vector<unsigned> in_room(options.rooms);
  for (unsigned i = 0; i < options.players; ++i) {
    const unsigned room = i % options.rooms;
    const unsigned place = in_room[room]++;
    const bool talks = place < options.speakers;
    context.rooms.push_back(options.roomName(room));
    players.push_back(std::make_unique<Player>(
        context, i, options.roomName(room), options.playerName(i), talks ? &melodies[i % kVoices] : nullptr,
        place, i + options.lossy >= options.players ? std::optional(options.lossy_percent) : std::nullopt));
  }
  return Done{};
}

// The first signal ends the run in order; the second one at once.
void Run::World::interrupt() {
  if (std::exchange(interrupted, true)) return loop.stop();
  stopTalking();
}

void Run::World::joinNext() {
  if (interrupted) return;
  std::string error;
  Player& player = *players[next];
  const auto joined = player.join(error);
  if (joined == Player::Joined::kLater) return after(kJoinPatience, &World::joinNext);
  if (joined == Player::Joined::kUnauthorized && next == 0) {  // all others would fail the same way
    log::error("{}{}", error, tokens ? kWrongSecret : "");
    context.totals.connect_failures = players.size();
    return finish();
  }
  if (joined != Player::Joined::kYes) {
    log::error("{}", error);
    ++context.totals.connect_failures;
  }
  if (++next < players.size()) return after(kJoinInterval, &World::joinNext);
  after(kJoinInterval, &World::checkConnected);
}

void Run::World::checkConnected() {
  unsigned connected = 0;
  unsigned failed = 0;
  for (const auto& player : players) {
    connected += player->connected();
    failed += player->failed();
  }
  if (connected + failed + context.totals.connect_failures < players.size())
    return after(10ms, &World::checkConnected);
  context.totals.connect_failures += failed;
  if (context.totals.connect_failures == players.size()) return finish();
  for (const auto& player : players) {
    if (walker && player->connected()) walker->add(player->room(), player->index(), player->name());
  }
  if (options.forever) return;
  after(kSettle, &World::count);
}

void Run::World::count() {
  context.counting = true;
  counting_since = loop.clock().now();
  after(std::chrono::seconds{options.seconds}, &World::stopTalking);
}

void Run::World::stopTalking() {
  context.talking = false;
  if (context.counting) {
    counted_seconds = std::chrono::duration<double>(loop.clock().now() - counting_since).count();
  }
  after(options.forever ? Duration{1ms} : kDrain, &World::finish);
}

void Run::World::finish() {
  countExpected();
  for (const auto& player : players) player->leave();
  loop.stop();
}

// With a slot for every speaker, or speakers that alternate, every packet sent is expected; otherwise those
// between the first and the last one received. Of players who walk, those received are expected.
void Run::World::countExpected() {
  if (walker) {
    context.totals.expected = context.totals.received;
    context.lossy_totals.expected = context.lossy_totals.received;
    return;
  }
  for (const auto& receiver : players) {
    if (!receiver->connected()) continue;
    uint64_t& expected = receiver->lossy() ? context.lossy_totals.expected : context.totals.expected;
    const unsigned others = options.speakers - (receiver->talks() ? 1 : 0);
    for (const auto& speaker : players) {
      if (speaker == receiver || !speaker->talks() || speaker->room() != receiver->room()) continue;
      if (others <= context.slots || context.in_turn) {
        expected += speaker->sentCounted();
      } else if (const auto it = receiver->receptions().find(speaker->index());
                 it != receiver->receptions().end()) {
        expected += it->second.span();
      }
    }
  }
}

void Run::World::tick() {
  ticker.arm(kTick);
  const Totals& totals = context.totals;
  const auto connected =
      std::count_if(players.begin(), players.end(), [](const auto& p) { return p->connected(); });
  table.show(totals, static_cast<size_t>(connected), players.size());
}

int Run::World::exitCode() const {
  const Totals& totals = context.totals;
  const bool too_lossy = options.max_loss_percent && totals.lossPercent() > *options.max_loss_percent;
  const uint64_t wrong = totals.integrity_errors + context.lossy_totals.integrity_errors +
                         totals.wrong_renderings + context.lossy_totals.wrong_renderings;
  return totals.connect_failures > 0 || wrong > 0 || too_lossy || cannot_walk ? 1 : 0;
}

Result<std::unique_ptr<Run>> Run::make(const Options& options) {
  auto signer = makeSigner(options);
  if (!signer.ok()) return signer.error();
  auto http = connectToJoinApi(options);
  if (!http.ok()) return http.error();
  auto control = connectToControlApi(options);
  if (!control.ok()) return control.error();
  auto world = std::make_unique<World>(options, *std::move(http), *std::move(control), *std::move(signer));
  if (Status made = world->makePlayers(); !made.ok()) return made.error();
  return std::unique_ptr<Run>(new Run(std::move(world)));
}

Run::Run(std::unique_ptr<World> world) : world_(std::move(world)) {}
Run::~Run() = default;

int Run::execute() {
  World& world = *world_;
  world.after(Duration::zero(), &World::joinNext);
  if (!world.options.forever) world.ticker.arm(kTick);
  world.loop.run();
  if (world.options.forever) return 0;
  const RunInfo info{
      .players = world.options.players,
      .speakers = static_cast<unsigned>(std::count_if(world.players.begin(), world.players.end(),
                                                      [](const auto& p) { return p->talks(); })),
      .seconds = world.counted_seconds,
      .lossy = std::min(world.options.lossy, world.options.players),
      .walk = world.options.walk};
  std::fputs((world.options.json ? toJson(world.context.totals, world.context.lossy_totals, info) + "\n"
                                 : toTable(world.context.totals, world.context.lossy_totals, info))
                 .c_str(),
             stdout);
  return world.exitCode();
}

}  // namespace sluice::load
