// Prints the example of docs/filters/position_feed.md as the encoder in C writes it.
#include <stdio.h>

#include "examples/position_feed/sluice_position_feed.h"

int main(void) {
  static const char kSecret[] = "an example of a secret";
  static const double kPi = 3.14159265358979323846;
  const float ann[3] = {1.5F, -2, 1e6F};
  const double ann_looks[2] = {kPi / 2, -kPi / 6};
  const float ben[3] = {0, 0.1F, -0.1F};
  const double eve_looks[2] = {-kPi, 0};
  uint8_t datagram[SLUICE_FEED_MAX_SIZE];
  struct sluice_feed feed;
  size_t size;
  size_t i;
  sluice_feed_init(&feed, 7, kSecret, sizeof kSecret - 1, 1767225600);
  if (!sluice_feed_begin(&feed, datagram, sizeof datagram, "lobby", 1767225600123)) return 1;
  if (sluice_feed_add(&feed, "ann", ann, ann_looks) != SLUICE_FEED_ADDED) return 1;
  if (sluice_feed_add(&feed, "ben", ben, NULL) != SLUICE_FEED_ADDED) return 1;
  if (sluice_feed_add(&feed, "eve", NULL, eve_looks) != SLUICE_FEED_ADDED) return 1;
  size = sluice_feed_end(&feed);
  for (i = 0; i < size; ++i) printf("%02x%s", datagram[i], i + 1 == size ? "\n" : i % 16 == 15 ? "\n" : " ");
  return 0;
}
