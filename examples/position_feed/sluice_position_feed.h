/* Writes the datagrams of a position feed (docs/filters/position_feed.md). C99 and C++, no dependencies, no
 * allocation, no I/O: the caller sends the bytes. A feed is used by one thread at a time.
 *
 *   struct sluice_feed feed;
 *   sluice_feed_init(&feed, 1, secret, strlen(secret), time(NULL));
 *   each tick:
 *     uint8_t datagram[SLUICE_FEED_MAX_SIZE];
 *     if (!sluice_feed_begin(&feed, datagram, sizeof datagram, "lobby", now_ms)) return;
 *     sluice_feed_add(&feed, "ann", position, direction);     when it is full: end, send, begin again
 *     send(socket, datagram, sluice_feed_end(&feed), 0);
 */
#ifndef SLUICE_POSITION_FEED_H
#define SLUICE_POSITION_FEED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SLUICE_FEED_MAX_SIZE 1400 /* fits into one packet on almost every path */
#define SLUICE_FEED_MAC_SIZE 32
#define SLUICE_FEED_BLOCK_SIZE 64

struct sluice_feed {
  uint8_t key_id;
  uint8_t key[SLUICE_FEED_BLOCK_SIZE];
  uint64_t sequence; /* of the latest datagram */
  uint8_t* out;      /* of the datagram that is being written */
  size_t capacity;
  size_t size;
  size_t count_at; /* where the number of players is */
  uint16_t count;
};

enum sluice_feed_result {
  SLUICE_FEED_INVALID = -1, /* a wrong argument; nothing is added */
  SLUICE_FEED_FULL = 0,     /* the player does not fit: end this datagram and begin another one */
  SLUICE_FEED_ADDED = 1
};

/* SHA-256 (FIPS 180-4). */

struct sluice_sha256 {
  uint32_t state[8];
  uint8_t block[SLUICE_FEED_BLOCK_SIZE];
  uint64_t size;
};

static inline uint32_t sluice_rotate(uint32_t value, int by) {
  return value >> by | value << (32 - by);
}

static inline void sluice_sha256_block(uint32_t* state, const uint8_t* block) {
  static const uint32_t k[64] = {
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
      0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
      0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
      0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
      0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
      0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
      0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
  uint32_t w[64], s[8];
  int i;
  for (i = 0; i < 16; ++i) {
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
           (uint32_t)block[4 * i + 3];
  }
  for (; i < 64; ++i) {
    const uint32_t s0 = sluice_rotate(w[i - 15], 7) ^ sluice_rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
    const uint32_t s1 = sluice_rotate(w[i - 2], 17) ^ sluice_rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  memcpy(s, state, sizeof s);
  for (i = 0; i < 64; ++i) {
    const uint32_t s1 = sluice_rotate(s[4], 6) ^ sluice_rotate(s[4], 11) ^ sluice_rotate(s[4], 25);
    const uint32_t s0 = sluice_rotate(s[0], 2) ^ sluice_rotate(s[0], 13) ^ sluice_rotate(s[0], 22);
    const uint32_t t1 = s[7] + s1 + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
    const uint32_t t2 = s0 + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += t1;
    s[0] = t1 + t2;
  }
  for (i = 0; i < 8; ++i) state[i] += s[i];
}

static inline void sluice_sha256_add(struct sluice_sha256* hash, const uint8_t* data, size_t size) {
  size_t i;
  for (i = 0; i < size; ++i) {
    hash->block[hash->size++ % SLUICE_FEED_BLOCK_SIZE] = data[i];
    if (hash->size % SLUICE_FEED_BLOCK_SIZE == 0) sluice_sha256_block(hash->state, hash->block);
  }
}

static inline void sluice_sha256_begin(struct sluice_sha256* hash) {
  static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(hash->state, initial, sizeof initial);
  hash->size = 0;
}

static inline void sluice_sha256_end(struct sluice_sha256* hash, uint8_t* digest) {
  static const uint8_t padding[SLUICE_FEED_BLOCK_SIZE] = {0x80};
  const uint64_t bits = 8 * hash->size;
  uint8_t length[8];
  int i;
  for (i = 0; i < 8; ++i) length[i] = (uint8_t)(bits >> (56 - 8 * i));
  sluice_sha256_add(hash, padding, (119 - hash->size % SLUICE_FEED_BLOCK_SIZE) % SLUICE_FEED_BLOCK_SIZE + 1);
  sluice_sha256_add(hash, length, sizeof length);
  for (i = 0; i < SLUICE_FEED_MAC_SIZE; ++i) digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

/* HMAC-SHA256 (RFC 2104) of `data` with a key that was extended to a block. */
static inline void sluice_hmac(const uint8_t* key, const uint8_t* data, size_t size, uint8_t* mac) {
  struct sluice_sha256 hash;
  uint8_t pad[SLUICE_FEED_BLOCK_SIZE];
  size_t i;
  for (i = 0; i < sizeof pad; ++i) pad[i] = key[i] ^ 0x36;
  sluice_sha256_begin(&hash);
  sluice_sha256_add(&hash, pad, sizeof pad);
  sluice_sha256_add(&hash, data, size);
  sluice_sha256_end(&hash, mac);
  for (i = 0; i < sizeof pad; ++i) pad[i] = key[i] ^ 0x5c;
  sluice_sha256_begin(&hash);
  sluice_sha256_add(&hash, pad, sizeof pad);
  sluice_sha256_add(&hash, mac, SLUICE_FEED_MAC_SIZE);
  sluice_sha256_end(&hash, mac);
}

/* The datagrams. */

static inline void sluice_feed_number(struct sluice_feed* feed, uint64_t value, int bytes) {
  while (bytes-- > 0) feed->out[feed->size++] = (uint8_t)(value >> (8 * bytes));
}

static inline void sluice_feed_name(struct sluice_feed* feed, const char* name, size_t length) {
  sluice_feed_number(feed, length, 1);
  memcpy(feed->out + feed->size, name, length);
  feed->size += length;
}

/* False if the angle is not a number or far beyond any angle. */
static inline int sluice_feed_angle(double radians, uint16_t* out) {
  const double units = radians * (32768 / 3.14159265358979323846) + 0.5;
  int64_t whole;
  if (!(units > -1e9 && units < 1e9)) return 0;
  whole = (int64_t)units;
  if ((double)whole > units) --whole; /* round to the nearest integer */
  *out = (uint16_t)((uint64_t)whole & 0xffff);
  return 1;
}

/* `unix_seconds` is the time of the start: a sender that starts again continues above its earlier sequence
 * numbers. */
static inline void sluice_feed_init(struct sluice_feed* feed, uint8_t key_id, const char* secret,
                                    size_t secret_size, uint64_t unix_seconds) {
  memset(feed, 0, sizeof *feed);
  feed->key_id = key_id;
  feed->sequence = unix_seconds << 32;
  if (secret_size > SLUICE_FEED_BLOCK_SIZE) {
    struct sluice_sha256 hash;
    sluice_sha256_begin(&hash);
    sluice_sha256_add(&hash, (const uint8_t*)secret, secret_size);
    sluice_sha256_end(&hash, feed->key);
  } else {
    memcpy(feed->key, secret, secret_size);
  }
}

/* Begins a datagram in `out`, which must stay valid until its end. `unix_ms` is the time now. False if the
 * room's name does not have 1 to 64 bytes, or `capacity` is less than 256. */
static inline int sluice_feed_begin(struct sluice_feed* feed, uint8_t* out, size_t capacity, const char* room,
                                    uint64_t unix_ms) {
  const size_t length = strlen(room);
  feed->out = NULL;
  feed->capacity = 0;
  feed->size = 0;
  if (length < 1 || length > 64 || capacity < 256) return 0;
  feed->out = out;
  feed->capacity = capacity;
  feed->size = 0;
  feed->count = 0;
  memcpy(out, "SLPF", 4);
  feed->size = 4;
  sluice_feed_number(feed, 1, 1); /* version */
  sluice_feed_number(feed, feed->key_id, 1);
  sluice_feed_number(feed, 0, 2); /* reserved */
  sluice_feed_number(feed, ++feed->sequence, 8);
  sluice_feed_number(feed, unix_ms, 8);
  sluice_feed_name(feed, room, length);
  feed->count_at = feed->size;
  sluice_feed_number(feed, 0, 2);
  return 1;
}

/* `position` is x, y, z, `direction` is yaw and pitch in radians. One of them may be NULL: the player keeps
 * it. */
static inline enum sluice_feed_result sluice_feed_add(struct sluice_feed* feed, const char* player,
                                                      const float* position, const double* direction) {
  const size_t length = strlen(player);
  const size_t size = 2 + length + (position != NULL ? 12 : 0) + (direction != NULL ? 4 : 0);
  uint16_t angles[2] = {0, 0};
  int i;
  if (length < 1 || length > 64 || (position == NULL && direction == NULL)) return SLUICE_FEED_INVALID;
  for (i = 0; direction != NULL && i < 2; ++i) {
    if (!sluice_feed_angle(direction[i], &angles[i])) return SLUICE_FEED_INVALID;
  }
  if (feed->size + size + SLUICE_FEED_MAC_SIZE > feed->capacity || feed->count == 0xffff)
    return SLUICE_FEED_FULL;
  sluice_feed_number(feed, (position != NULL ? 1 : 0) | (direction != NULL ? 2 : 0), 1);
  sluice_feed_name(feed, player, length);
  for (i = 0; position != NULL && i < 3; ++i) {
    uint32_t bits;
    memcpy(&bits, &position[i], sizeof bits); /* IEEE 754 binary32 */
    sluice_feed_number(feed, bits, 4);
  }
  for (i = 0; direction != NULL && i < 2; ++i) sluice_feed_number(feed, angles[i], 2);
  ++feed->count;
  return SLUICE_FEED_ADDED;
}

/* Signs the datagram. Returns its size in bytes. */
static inline size_t sluice_feed_end(struct sluice_feed* feed) {
  if (feed->out == NULL) return 0;
  feed->out[feed->count_at] = (uint8_t)(feed->count >> 8);
  feed->out[feed->count_at + 1] = (uint8_t)feed->count;
  sluice_hmac(feed->key, feed->out, feed->size, feed->out + feed->size);
  return feed->size + SLUICE_FEED_MAC_SIZE;
}

#endif
