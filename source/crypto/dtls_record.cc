#include "source/crypto/dtls_record.h"

namespace sluice::crypto {
namespace {

constexpr size_t kRecordHeader = 13;
constexpr size_t kFragmentHeader = 12;
constexpr uint8_t kChangeCipherSpec = 20;
constexpr uint8_t kAlert = 21;
constexpr uint8_t kHandshake = 22;
constexpr uint8_t kApplicationData = 23;

bool areWholeFragments(Bytes record) {
  if (record.empty()) return false;
  while (!record.empty()) {
    if (record.size() < kFragmentHeader) return false;
    const uint32_t length = readU24(&record[1]);
    const uint32_t offset = readU24(&record[6]);
    const uint32_t size = readU24(&record[9]);
    if (offset > length || size > length - offset || size > record.size() - kFragmentHeader) return false;
    record = record.subspan(kFragmentHeader + size);
  }
  return true;
}

size_t recordSize(Bytes datagram) {
  return kRecordHeader + readU16(&datagram[11]);
}

}  // namespace

bool hasPlaintextAlertOrData(Bytes datagram) {
  for (; !datagram.empty(); datagram = datagram.subspan(recordSize(datagram))) {
    const bool plaintext = readU16(&datagram[3]) == 0;
    if (plaintext && (datagram[0] == kAlert || datagram[0] == kApplicationData)) return true;
  }
  return false;
}

bool isWellFormedDtls(Bytes datagram) {
  if (datagram.empty()) return false;
  while (!datagram.empty()) {
    if (datagram.size() < kRecordHeader) return false;
    const uint8_t type = datagram[0];
    const bool dtls_version = datagram[1] == 0xFE && (datagram[2] == 0xFD || datagram[2] == 0xFF);
    const uint16_t epoch = readU16(&datagram[3]);
    const size_t size = readU16(&datagram[11]);
    if (type < kChangeCipherSpec || type > kApplicationData || !dtls_version) return false;
    if (size > datagram.size() - kRecordHeader) return false;
    if (type == kHandshake && epoch == 0 && !areWholeFragments(datagram.subspan(kRecordHeader, size)))
      return false;
    datagram = datagram.subspan(kRecordHeader + size);
  }
  return true;
}

}  // namespace sluice::crypto
