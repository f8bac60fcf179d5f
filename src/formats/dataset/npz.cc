#include "formats/dataset/npz.h"

#include <zlib.h>

#include <cstring>
#include <set>

#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/dataset/inflate.h"
#include "formats/dataset/npy.h"

namespace omni::formats {

namespace {

constexpr uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;

// One member as the central directory tells it.
struct Member {
  std::string name;
  uint16_t flags = 0, method = 0;
  uint32_t crc = 0;
  uint64_t packed = 0, size = 0, offset = 0;
};

class ZipReader {
 public:
  ZipReader(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  std::vector<Member> members() const {
    const size_t end = find_end();
    uint64_t count = number(end + 10, 2), at = number(end + 16, 4);
    if (end >= 20 && number(end - 20, 4) == kLocator64) {
      const size_t end64 = place(number(end - 20 + 8, 8));
      if (number(end64, 4) != kEnd64) fail("the ZIP64 directory is missing");
      count = number(end64 + 32, 8);
      at = number(end64 + 48, 8);
    }
    std::vector<Member> all;
    size_t here = place(at);
    for (uint64_t i = 0; i < count; ++i) all.push_back(member(here));
    return all;
  }

  // The compressed bytes of a member.
  std::span<const std::byte> data(const Member& m) const {
    const size_t header = place(m.offset);
    if (number(header, 4) != kLocalHeader) fail(quoted(m.name) + " is not where the directory says");
    const uint64_t start = header + 30 + number(header + 26, 2) + number(header + 28, 2);
    if (start > bytes_.size() || m.packed > bytes_.size() - start) fail(quoted(m.name) + " is cut short");
    return bytes_.subspan(static_cast<size_t>(start), static_cast<size_t>(m.packed));
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kInvalidData, "broken ZIP archive: " + what, where_, "save the arrays again with numpy.savez");
  }

 private:
  size_t place(uint64_t offset) const {
    if (offset > bytes_.size()) fail("an offset behind the end");
    return static_cast<size_t>(offset);
  }
  uint64_t number(size_t at, size_t length) const {
    if (at > bytes_.size() || length > bytes_.size() - at) fail("it is cut short");
    uint64_t value = 0;
    for (size_t i = length; i-- > 0;) value = value << 8 | static_cast<uint64_t>(bytes_[at + i]);
    return value;
  }
  // The end record is the last 22 bytes, or stands before a comment of at most 65535.
  size_t find_end() const {
    const size_t last = bytes_.size() < 22 ? 0 : bytes_.size() - 22;
    const size_t first = last > 65535 ? last - 65535 : 0;
    for (size_t at = last + 1; at-- > first;) {
      if (bytes_.size() >= 22 && number(at, 4) == kEnd) return at;
    }
    fail("its end is missing");
  }
  Member member(size_t& at) const {
    if (number(at, 4) != kCentralHeader) fail("its directory is broken");
    Member m;
    m.flags = static_cast<uint16_t>(number(at + 8, 2));
    m.method = static_cast<uint16_t>(number(at + 10, 2));
    m.crc = static_cast<uint32_t>(number(at + 16, 4));
    m.packed = number(at + 20, 4);
    m.size = number(at + 24, 4);
    m.offset = number(at + 42, 4);
    const size_t name = static_cast<size_t>(number(at + 28, 2)), extra = static_cast<size_t>(number(at + 30, 2));
    const size_t comment = static_cast<size_t>(number(at + 32, 2));
    const size_t after = at + 46 + name + extra + comment;
    if (after > bytes_.size()) fail("its directory is cut short");
    m.name.assign(reinterpret_cast<const char*>(bytes_.data()) + at + 46, name);
    read_zip64(m, at + 46 + name, extra);
    at = after;
    return m;
  }
  // Extra field 0x0001 holds 8 bytes for each of size, packed size and offset that is all ones, in that order.
  void read_zip64(Member& m, size_t at, size_t length) const {
    const size_t end = at + length;
    while (at + 4 <= end) {
      const uint64_t id = number(at, 2);
      const size_t size = static_cast<size_t>(number(at + 2, 2));
      at += 4;
      if (size > end - at) return;
      if (id == 1) {
        size_t from = at;
        for (uint64_t* field : {&m.size, &m.packed, &m.offset}) {
          if (*field != 0xffffffff || from + 8 > at + size) continue;
          *field = number(from, 8);
          from += 8;
        }
      }
      at += size;
    }
  }

  std::span<const std::byte> bytes_;
  const std::string& where_;
};

uint32_t zip_crc(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

struct Content {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> keeper;
};

Content unpack(const ZipReader& zip, const Member& m, const std::shared_ptr<const void>& keeper, const std::string& where) {
  const std::span<const std::byte> data = zip.data(m);
  if ((m.flags & 1) != 0) throw Error(ErrorCode::kUnsupported, "the array is encrypted", where);
  if (m.method == 0) {
    if (m.packed != m.size) zip.fail(quoted(m.name) + " has two sizes");
    return {data, keeper};
  }
  if (m.method != 8) {
    throw Error(ErrorCode::kUnsupported, "compression method " + std::to_string(m.method), where, "save the arrays again with numpy.savez_compressed");
  }
  if (m.size > max_inflated(data.size())) zip.fail(quoted(m.name) + " promises more data than it can hold");
  const auto out = std::make_shared<Tensor>(DType::kU8, Shape{static_cast<int64_t>(m.size)});  // aligned to 64, as the array's data then is
  const std::span<std::byte> room(static_cast<std::byte*>(out->mutable_data()), out->bytes());
  Inflater stream(data, Inflater::Wrapping::kRaw, where);
  std::byte more;
  if (stream.read(room) != room.size() || stream.read({&more, 1}) != 0) zip.fail(quoted(m.name) + " has another size than the directory says");
  return {room, out};
}

}  // namespace

bool is_zip(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && (std::memcmp(bytes.data(), "PK\3\4", 4) == 0 || std::memcmp(bytes.data(), "PK\5\6", 4) == 0);
}

std::vector<std::pair<std::string, Tensor>> parse_npz(std::span<const std::byte> bytes, std::shared_ptr<const void> keeper, const std::string& where) {
  const ZipReader zip(bytes, where);
  std::vector<std::pair<std::string, Tensor>> arrays;
  std::set<std::string> names;
  uint64_t total = 0;
  for (const Member& m : zip.members()) {
    if (!m.name.ends_with(".npy")) continue;
    const std::string name = m.name.substr(0, m.name.size() - 4);
    if (!names.insert(name).second) zip.fail("two arrays are called " + quoted(name));
    // Members that overlap could make a small file expand without end.
    total += m.packed;
    if (total > bytes.size()) zip.fail("its members overlap");
    const std::string place = where + ", array " + quoted(name);
    Content content = unpack(zip, m, keeper, place);
    if (zip_crc(content.bytes) != m.crc) zip.fail("the checksum of " + quoted(name) + " is wrong");
    arrays.emplace_back(name, parse_npy(content.bytes, std::move(content.keeper), place));
  }
  return arrays;
}

std::vector<std::pair<std::string, Tensor>> load_npz(const std::string& path) {
  MappedFile file = map_file(path);
  return parse_npz(file.bytes, std::move(file.keeper), path);
}

}  // namespace omni::formats
