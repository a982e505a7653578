#include "runtime/trainer/svg.h"

#include <charconv>
#include <cstdint>

#include "runtime/trainer/text.h"
#include "runtime/utf8.h"

namespace keratin::trainer {
namespace {

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

/// The bytes of the character that `text` begins with; 0 if it begins with none that XML has.
size_t character_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (size > text.size()) return 0;
  uint32_t code = size == 1 ? lead : lead & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) {
    if (!continues(text[i])) return 0;
    code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  // There is one way to write a character.
  unsigned char written[4];
  if (krt_utf8(code, written) != size || written[0] != lead) return 0;
  const bool is_control = code < 0x20 && code != '\t' && code != '\n' && code != '\r';
  return is_control || code == 0xfffe || code == 0xffff ? 0 : size;
}

}  // namespace

std::string xml_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t size = character_size(text);
    if (size == 0)
      out += "\xef\xbf\xbd";
    else if (text[0] == '&')
      out += "&amp;";
    else if (text[0] == '<')
      out += "&lt;";
    else if (text[0] == '>')
      out += "&gt;";
    else
      out += text.substr(0, size);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

std::string shortened(std::string_view text, size_t characters) {
  size_t n = 0;
  size_t end = 0;  // of all but the last of those that are allowed
  for (size_t i = 0; i < text.size(); ++i) {
    if (continues(text[i])) continue;
    if (++n == characters) end = i;
    if (n > characters) return std::string(text.substr(0, end)) + "…";
  }
  return std::string(text);
}

std::string coordinate(double value) {
  char buffer[400];
  std::string text(buffer,
                   std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, 1).ptr);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

std::string svg_text(double x, double y, Anchor anchor, std::string_view kind, std::string_view text) {
  constexpr std::string_view kAnchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
  return cat("<text x=\"", coordinate(x), "\" y=\"", coordinate(y), "\"", kAnchors[static_cast<int>(anchor)],
             kind.empty() ? "" : cat(" class=\"", kind, "\""), ">", xml_text(text), "</text>\n");
}

std::string svg_line(double x1, double y1, double x2, double y2, std::string_view kind) {
  return cat("<path class=\"", kind, "\" d=\"M", coordinate(x1), " ", coordinate(y1), "L", coordinate(x2),
             " ", coordinate(y2), "\"/>\n");
}

}  // namespace keratin::trainer
