#include "source/crypto/srtp_numbers.h"

#include <arpa/inet.h>
#include <config.h>
#include <srtp_priv.h>
#include <stream_list_priv.h>

#include <algorithm>

namespace sluice::crypto {

std::vector<SrtpNumbers> numbersOf(srtp_ctx_t_* context) {
  std::vector<SrtpNumbers> all;
  srtp_stream_list_for_each(
      context->stream_list,
      [](srtp_stream_t stream, void* out) {
        const bitvector_t& seen = stream->rtp_rdbx.bitmask;
        SrtpNumbers numbers{.ssrc = ntohl(stream->ssrc),
                            .index = stream->rtp_rdbx.index,
                            .seen = {seen.word, seen.word + seen.length / 32},
                            .rtcp_index = stream->rtcp_rdb.window_start};
        std::copy_n(stream->rtcp_rdb.bitmask.v32, 4, numbers.rtcp_seen.begin());
        static_cast<std::vector<SrtpNumbers>*>(out)->push_back(std::move(numbers));
        return 0;
      },
      &all);
  return all;
}

bool setNumbers(srtp_ctx_t_* context, const SrtpNumbers& numbers) {
  srtp_stream_t stream = srtp_get_stream(context, htonl(numbers.ssrc));
  if (stream == nullptr || stream->rtp_rdbx.bitmask.length / 32 != numbers.seen.size()) return false;
  stream->rtp_rdbx.index = numbers.index;
  std::copy(numbers.seen.begin(), numbers.seen.end(), stream->rtp_rdbx.bitmask.word);
  stream->rtcp_rdb.window_start = numbers.rtcp_index;
  std::copy(numbers.rtcp_seen.begin(), numbers.rtcp_seen.end(), stream->rtcp_rdb.bitmask.v32);
  return true;
}

}  // namespace sluice::crypto
