#include "tools/tune_cache.h"

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "frontend/file.h"
#include "frontend/json.h"
#include "ir/error.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// FNV-1a. What two keys have in common does no harm: a schedule of another region is heard as far as it is right.
uint64_t hash(std::string_view text) {
  uint64_t state = 0xcbf29ce484222325;
  for (const char c : text) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return state;
}

Tuned tuned_of(const Json& json) {
  Tuned tuned{{}, json["before"].as_double(), json["after"].as_double()};
  for (const auto& [what, value] : json["schedule"].members()) tuned.schedule[what] = value.as_int();
  return tuned;
}

Json json_of(const Tuned& tuned) {
  std::vector<std::pair<std::string, Json>> schedule;
  for (const auto& [what, value] : tuned.schedule) schedule.emplace_back(what, Json::of(value));
  return Json::object({{"schedule", Json::object(std::move(schedule))},
                       {"before", Json::of(tuned.before)},
                       {"after", Json::of(tuned.after)}});
}

void warn(const std::string& text) { std::fputs(cat("keratin: warning: ", text, "\n").c_str(), stderr); }

}  // namespace

TuneCache::TuneCache(std::string folder, const Target& target, const TuneOptions& options)
    : folder_(std::move(folder)),
      circumstances_(cat(KERATIN_VERSION, " ", KERATIN_LLVM_VERSION, " ", host_processor(), " ",
                         target.triple, " ", target.cpu, " ", target.features, " ", target.l1_bytes, " ",
                         target.l2_bytes, " ", options.threads, " ", options.batch, "\n")) {
  try {
    entries_ = read();
  } catch (const Error& error) {
    warn(cat("what was tuned before is not used: ", error.what()));
  }
}

TuneCache::Entries TuneCache::read() const {
  std::error_code none;
  if (!std::filesystem::exists(path(), none)) return {};
  const Json file = Json::parse(read_file(path()), path());
  Entries entries;
  for (const auto& [key, value] : file["tuned"].members()) entries[key] = tuned_of(value);
  return entries;
}

std::string TuneCache::key(const std::string& region) const {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash(circumstances_ + region)));
  return text;
}

const Tuned* TuneCache::find(const std::string& region) const {
  const auto found = entries_.find(key(region));
  return found == entries_.end() ? nullptr : &found->second;
}

void TuneCache::add(const TunedRegions& regions) {
  for (const auto& [region, tuned] : regions) entries_[key(region)] = tuned;
  try {
    entries_.merge(read());
  } catch (const Error&) {
    // A damaged file is replaced; there was a warning.
  }
  std::vector<std::pair<std::string, Json>> members;
  for (const auto& [key, tuned] : entries_) members.emplace_back(key, json_of(tuned));
  try {
    std::error_code failed;
    std::filesystem::create_directories(folder_, failed);
    write_file(path(), Json::object({{"tuned", Json::object(std::move(members))}}).dump() + "\n");
  } catch (const Error& error) {
    warn(cat("what was tuned is not kept: ", error.what()));
  }
}

}  // namespace keratin
