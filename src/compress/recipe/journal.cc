#include "compress/recipe/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>

#include "core/crc32c.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/system_error.h"

namespace omni::compress {

using namespace core;

namespace {

constexpr size_t kMaxJournalBytes = size_t{1} << 31;
constexpr size_t kChecksumDigits = 8;

// Everything but printable ASCII, and the marks of the line, as %XX.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 32 && byte < 127 && c != '%' && c != '=') {
      out += c;
    } else {
      char code[4];
      std::snprintf(code, sizeof code, "%%%02x", byte);
      out += code;
    }
  }
  return out;
}

template <class T>
std::optional<T> parse(std::string_view text, int base) {
  T value{};
  const char* end = text.data() + text.size();
  std::from_chars_result result{};
  if constexpr (std::is_same_v<T, double>) {
    result = std::from_chars(text.data(), end, value);
  } else {
    result = std::from_chars(text.data(), end, value, base);
  }
  if (text.empty() || result.ec != std::errc{} || result.ptr != end) return std::nullopt;
  return value;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto code = i + 2 < text.size() ? parse<uint8_t>(text.substr(i + 1, 2), 16) : std::nullopt;
    if (!code) return std::nullopt;
    out += static_cast<char>(*code);
    i += 2;
  }
  return out;
}

std::string value_text(const JournalValue& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) return "i" + std::to_string(*integer);
  if (const auto* text = std::get_if<std::string>(&value)) return "s" + escaped(*text);
  char digits[40];  // the shortest that reads back as the same
  return "d" + std::string(digits, std::to_chars(digits, digits + sizeof digits, std::get<double>(value)).ptr);
}

std::optional<JournalValue> parse_value(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const std::string_view rest = text.substr(1);
  if (text[0] == 'i') {
    if (const auto value = parse<int64_t>(rest, 10)) return *value;
  } else if (text[0] == 'd') {
    if (const auto value = parse<double>(rest, 10)) return *value;
  } else if (text[0] == 's') {
    if (auto value = unescaped(rest)) return std::move(*value);
  }
  return std::nullopt;
}

std::string checksum(std::string_view body) {
  char digits[kChecksumDigits + 1];
  std::snprintf(digits, sizeof digits, "%08x", crc32c(std::as_bytes(std::span(body))));
  return digits;
}

void write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error("cannot be written", path);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

const JournalValue& field(const JournalRecord& record, std::string_view name) {
  const auto found = record.fields.find(name);
  if (found != record.fields.end()) return found->second;
  throw Error(ErrorCode::kInvalidData, "the record " + quoted(record.key) + " has no " + std::string(name), "journal", "begin anew with --restart");
}

template <class T>
const T& typed(const JournalRecord& record, std::string_view name) {
  if (const T* value = std::get_if<T>(&field(record, name))) return *value;
  throw Error(ErrorCode::kInvalidData, "the record " + quoted(record.key) + " has another kind of " + std::string(name), "journal",
              "begin anew with --restart");
}

}  // namespace

int64_t JournalRecord::integer(std::string_view name) const { return typed<int64_t>(*this, name); }
double JournalRecord::number(std::string_view name) const { return typed<double>(*this, name); }
const std::string& JournalRecord::text(std::string_view name) const { return typed<std::string>(*this, name); }
std::optional<double> JournalRecord::maybe_number(std::string_view name) const {
  return fields.contains(name) ? std::optional(number(name)) : std::nullopt;
}

std::string record_line(const JournalRecord& record) {
  std::string body = escaped(record.key);
  for (const auto& [name, value] : record.fields) body += " " + escaped(name) + "=" + value_text(value);
  return checksum(body) + " " + body + "\n";
}

std::optional<JournalRecord> parse_record(std::string_view line) {
  if (line.size() < kChecksumDigits + 2 || line[kChecksumDigits] != ' ' || line.back() != '\n') return std::nullopt;
  std::string_view body = line.substr(kChecksumDigits + 1);
  body.remove_suffix(1);
  if (line.substr(0, kChecksumDigits) != checksum(body)) return std::nullopt;
  JournalRecord record;
  for (bool first = true; first || !body.empty(); first = false) {
    const size_t end = std::min(body.find(' '), body.size());
    const std::string_view word = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    const size_t mark = word.find('=');
    auto name = unescaped(word.substr(0, mark));
    if (!name || name->empty() || first != (mark == std::string_view::npos)) return std::nullopt;
    if (first) {
      record.key = std::move(*name);
      continue;
    }
    auto value = parse_value(word.substr(mark + 1));
    if (!value || !record.fields.emplace(std::move(*name), std::move(*value)).second) return std::nullopt;
  }
  return record;
}

Journal::Descriptor::~Descriptor() {
  if (fd >= 0) ::close(fd);
}

Journal::Journal(const std::string& path) : path_(path), fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
  if (fd_.fd < 0) throw system_error("cannot be opened", path_);
  if (::flock(fd_.fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw system_error("cannot be locked", path_);
    throw Error(ErrorCode::kExists, "another run is at work in this folder", path_, "wait for it, or name another folder with --work");
  }
  const std::string text = read_text_file(path, kMaxJournalBytes);
  size_t whole = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', whole)) {
    std::optional<JournalRecord> record = parse_record(std::string_view(text).substr(whole, end + 1 - whole));
    if (!record) break;
    std::string key = record->key;
    records_.insert_or_assign(std::move(key), std::move(*record));
    whole = end + 1;
  }
  if (whole < text.size() && ::ftruncate(fd_.fd, static_cast<off_t>(whole)) != 0) throw system_error("cannot be cut to its whole records", path_);
}

const JournalRecord* Journal::find(std::string_view key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second;
}

void Journal::put(std::span<const JournalRecord> records) {
  std::string lines;
  for (const JournalRecord& record : records) lines += record_line(record);
  write_all(fd_.fd, lines, path_);
  if (::fsync(fd_.fd) != 0) throw system_error("cannot be flushed to the disk", path_);
  for (const JournalRecord& record : records) records_.insert_or_assign(record.key, record);
}

}  // namespace omni::compress
