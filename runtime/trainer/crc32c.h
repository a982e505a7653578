// The CRC of TFRecord files: Castagnoli's polynomial, reflected.
#pragma once

#include <cstdint>
#include <string_view>

namespace keratin::trainer {

uint32_t crc32c(std::string_view bytes);

}  // namespace keratin::trainer
