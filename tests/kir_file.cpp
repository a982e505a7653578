#include "tests/kir_file.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace keratin {

namespace {

constexpr std::string_view kSeparator = "// ----\n";

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool blessing() {
  const char* bless = std::getenv("KERATIN_BLESS");
  return bless != nullptr && std::string_view(bless) == "1";
}

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// Cuts the next line off `text`, without its line break.
std::string take_line(std::string& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string line = text.substr(0, end);
  text.erase(0, end + 1);
  return line;
}

}  // namespace

std::string KirFile::name() const { return std::filesystem::path(path).filename().string(); }

std::string KirFile::input_in_place() const {
  return std::string(static_cast<size_t>(std::count(head.begin(), head.end(), '\n')), '\n') + input;
}

KirFile read_kir_file(const std::string& path) {
  KirFile file;
  file.path = path;
  std::string rest = read(path);
  if (const size_t cut = rest.find(kSeparator); cut != std::string::npos) {
    file.has_expected = true;
    file.expected = rest.substr(cut + kSeparator.size());
    rest.resize(cut);
  }
  while (rest.starts_with("//")) {
    const std::string line = take_line(rest);
    file.head += line + '\n';
    file.notes.push_back(line.size() > 3 ? line.substr(3) : std::string());
  }
  file.input = std::move(rest);
  if (file.notes.empty()) return file;
  const std::string first = file.notes.front();
  file.notes.erase(file.notes.begin());
  const size_t space = std::min(first.find(' '), first.size());
  file.command = first.substr(0, space);
  file.argument = first.substr(std::min(space + 1, first.size()));
  return file;
}

void expect_output(const KirFile& file, const std::string& actual) {
  if (blessing() && (!file.has_expected || file.expected != actual)) {
    write(file.path, file.head + file.input + std::string(kSeparator) + actual);
    return;
  }
  EXPECT_EQ(file.expected, actual) << file.path << "\nKERATIN_BLESS=1 writes it into the file";
}

void expect_input(const KirFile& file, const std::string& actual) {
  if (blessing() && file.input != actual) {
    write(file.path, file.head + actual);
    return;
  }
  EXPECT_EQ(file.input, actual) << file.path << "\nKERATIN_BLESS=1 writes it into the file";
}

std::vector<std::string> kir_files(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code missing;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, missing)) {
    if (entry.path().extension() == ".kir") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string kir_test_name(const testing::TestParamInfo<std::string>& info) {
  const std::filesystem::path path(info.param);
  std::string name = path.parent_path().filename().string() + "_" + path.stem().string();
  std::replace_if(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

}  // namespace keratin
