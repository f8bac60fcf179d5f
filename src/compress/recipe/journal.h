// What a run has found out, in a file that survives it: a decision reads a figure from here only, so that a run that was killed and begun again decides
// as one that was not, and evaluates nothing twice.
//
// One line a record: checksum, key, fields. put() flushes to the disk before it returns. A line that was cut short by the end of the process or of the
// machine, and whatever stands behind it, is dropped when the file is opened. One process at a time: the file is locked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace omni::compress {

using JournalValue = std::variant<int64_t, double, std::string>;

struct JournalRecord {
  std::string key;  // "step/1/bytes"
  std::map<std::string, JournalValue, std::less<>> fields;

  // Fields of another type or missing throw Error (kInvalidData).
  int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  std::optional<double> maybe_number(std::string_view name) const;

  bool operator==(const JournalRecord&) const = default;
};

// One line with its end; parse_record gives the record back, nothing for anything else.
std::string record_line(const JournalRecord& record);
std::optional<JournalRecord> parse_record(std::string_view line);

class Journal {
 public:
  // Makes the file where there is none. Throws Error: kExists (another process has it open), kMachine.
  explicit Journal(const std::string& path);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  bool empty() const { return records_.empty(); }
  // The last record of that key, or nullptr; valid until the next put().
  const JournalRecord* find(std::string_view key) const;
  // Appends the records and flushes them to the disk, all with one flush. Throws Error (kMachine).
  void put(std::span<const JournalRecord> records);
  void put(JournalRecord record) { put(std::span(&record, 1)); }

 private:
  struct Descriptor {  // closed whatever fails after it
    explicit Descriptor(int number) : fd(number) {}
    ~Descriptor();
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int fd;
  };

  const std::string path_;
  const Descriptor fd_;
  std::map<std::string, JournalRecord, std::less<>> records_;
};

}  // namespace omni::compress
