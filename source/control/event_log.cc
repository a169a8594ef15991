#include "source/control/event_log.h"

#include <google/protobuf/util/json_util.h>

#include <charconv>
#include <utility>

#include "source/base/random.h"

namespace sluice::control {
namespace {

// A stream holds about this many bytes at most; it must stay below EventStream::kMaxPending.
constexpr size_t kPending = 24 * 1024;

std::string json(const Event& event) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string out;
  static_cast<void>(google::protobuf::util::MessageToJsonString(event, &out, options));
  return out;
}

}  // namespace

EventLog::EventLog() : epoch_(std::to_string(randomU32())) {}

std::string EventLog::idOf(uint64_t number) const {
  return epoch_ + "-" + std::to_string(number);
}

void EventLog::add(EventKind kind, Event event) {
  ++counts_[static_cast<size_t>(kind)];
  entries_.push_back({kind, std::move(event)});
  ++next_;
  if (entries_.size() > kMaxEvents) entries_.pop_front();
  for (Subscriber& subscriber : subscribers_) deliver(subscriber);
}

// The number of the first event after the one with this id; 0 if the id is of another log.
uint64_t EventLog::resumeAt(std::string_view last_id) const {
  if (last_id.empty()) return next_;
  const size_t dash = last_id.find('-');
  if (dash == std::string_view::npos || last_id.substr(0, dash) != epoch_) return 0;
  const std::string_view digits = last_id.substr(dash + 1);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
  const bool valid = error == std::errc() && end == digits.end() && number < next_;
  return valid ? number + 1 : 0;
}

std::shared_ptr<http::EventStream> EventLog::subscribe(std::string_view room, std::string_view last_id) {
  std::erase_if(subscribers_, [](const Subscriber& s) { return s.stream->ended(); });
  if (subscribers_.size() >= kMaxStreams) return nullptr;
  Subscriber& subscriber = subscribers_.emplace_back(
      Subscriber{std::make_shared<http::EventStream>(), std::string(room), resumeAt(last_id)});
  // Confirms the subscription. Its id lets a client resume that connects again before the first event.
  if (last_id.empty()) subscriber.stream->send("subscribed", "{}", idOf(next_ - 1));
  deliver(subscriber);
  return subscriber.stream;
}

void EventLog::deliver(Subscriber& subscriber) const {
  http::EventStream& stream = *subscriber.stream;
  if (subscriber.next < first() && stream.pending() < kPending) {
    subscriber.next = first();
    stream.send("missed", "{}", idOf(first() - 1));
  }
  if (subscriber.next < first()) return;
  for (; subscriber.next < next_ && stream.pending() < kPending && !stream.ended(); ++subscriber.next) {
    const Entry& entry = entries_[subscriber.next - first()];
    if (!subscriber.room.empty() && subscriber.room != entry.event.room()) continue;
    stream.send(kEventNames[static_cast<size_t>(entry.kind)], json(entry.event), idOf(subscriber.next));
  }
}

void EventLog::deliver() {
  std::erase_if(subscribers_, [](const Subscriber& s) { return s.stream->ended(); });
  for (Subscriber& subscriber : subscribers_) deliver(subscriber);
}

void EventLog::endStreams() {
  for (const Subscriber& subscriber : subscribers_) subscriber.stream->end();
  subscribers_.clear();
}

void EventLog::collect(stats::Samples& out) const {
  for (size_t i = 0; i < counts_.size(); ++i) {
    out.counter("sluice_control_events_total", "Events of rooms for the game's servers, by event.",
                {{"event", kEventNames[i]}}, static_cast<double>(counts_[i]));
  }
  out.gauge("sluice_control_event_streams", "Open event streams of the control API.", {},
            static_cast<double>(subscribers_.size()));
}

void EventLog::Entry::archive(Archive& a) {
  std::string bytes = event.SerializeAsString();
  a(kind, bytes);
  if (a.isReading() && !event.ParseFromString(bytes)) a.fail();
}

void EventLog::archive(Archive& a) {
  std::vector<Entry> entries(entries_.begin(), entries_.end());
  a(epoch_, next_, entries);
  if (!a.isReading()) return;
  if (entries.size() >= next_ || entries.size() > kMaxEvents) return a.fail();
  counts_ = {};  // of events that reading the other states caused
  entries_.assign(std::make_move_iterator(entries.begin()), std::make_move_iterator(entries.end()));
}

}  // namespace sluice::control
