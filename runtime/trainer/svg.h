// What drawings in SVG are made of. Lengths are pixels; `kind` is the class that a style sheet knows an element by.
#pragma once

#include <string>
#include <string_view>

namespace keratin::trainer {

/// Text that XML takes for text. What no XML may hold, control characters and what is no UTF-8, becomes U+FFFD.
std::string xml_text(std::string_view text);

/// At most so many characters of UTF-8 text; an ellipsis stands for those that are cut off.
std::string shortened(std::string_view text, size_t characters);

/// A coordinate, to a tenth.
std::string coordinate(double value);

enum class Anchor { start, middle, end };
std::string svg_text(double x, double y, Anchor anchor, std::string_view kind, std::string_view text);
std::string svg_line(double x1, double y1, double x2, double y2, std::string_view kind);

}  // namespace keratin::trainer
