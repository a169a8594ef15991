// The bytes that a process reads from the one that it takes over from. They are not untrusted, but any bytes
// must either be refused or work. The first byte of an input selects the type of the rest.
#include <cstdint>
#include <cstdlib>

#include "source/crypto/certificate.h"
#include "source/crypto/srtp.h"
#include "source/rooms/directory.h"
#include "source/runtime/saved_session.h"
#include "source/takeover/snapshot.h"

namespace {

using namespace sluice;

template <typename T>
void read(Bytes input) {
  Descriptors none;
  Archive in(input, none);
  T value;
  in(value);
}

// State that was read has to work, too.
void useSrtp(Bytes input) {
  Descriptors none;
  Archive in(input, none);
  const auto session = crypto::SrtpSession::load(in);
  if (session == nullptr) return;
  uint8_t packet[100 + crypto::kSrtpTailroom] = {0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2};
  size_t size = 100;
  session->protect(packet, size);
  session->unprotect(packet, size);
  size = 20;
  packet[1] = 201;
  session->protectRtcp(packet, size);
  Archive out(none);
  session->save(out);
}

void readDirectory(Bytes input) {
  Descriptors none;
  Archive in(input, none);
  const ManualClock clock;
  rooms::Directory directory({}, 2, clock);
  directory.archive(in);
  directory.expire();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Bytes input(data + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      read<runtime::SavedWorker>(input);
      break;
    case 1:
      static_cast<void>(takeover::Snapshot::fromMessage(
          {takeover::MessageKind::kSnapshot, std::string(asText(input)), {}}));
      break;
    case 2:
      read<takeover::Identity>(input);
      break;
    case 3:
      useSrtp(input);
      break;
    case 4:
      static_cast<void>(crypto::Certificate::load(input));
      break;
    default:
      readDirectory(input);
  }
  return 0;
}
