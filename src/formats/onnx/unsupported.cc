#include "formats/onnx/unsupported.h"

namespace omni::formats {

namespace {
constexpr size_t kNodesNamed = 3;
constexpr size_t kRowsNamed = 40;
}  // namespace

void UnsupportedReport::add(std::string_view domain, std::string_view op, int64_t version, std::string_view node, std::string_view reason) {
  Found& found = found_[{std::string(domain), std::string(op), version, std::string(reason)}];
  ++found.count;
  if (found.nodes.size() < kNodesNamed) found.nodes.emplace_back(node);
}

void UnsupportedReport::raise(std::string_view where, std::string_view what, std::string_view fix) const {
  std::string text(what);
  const char* separator = ": ";
  size_t rows = 0;
  for (const auto& [key, found] : found_) {
    const auto& [domain, op, version, reason] = key;
    text += separator;
    separator = "; ";
    if (++rows > kRowsNamed) {
      text += std::to_string(found_.size() - kRowsNamed) + " more";
      break;
    }
    const std::string name = quoted((domain.empty() ? "ai.onnx" : domain) + "." + op);
    text += name.substr(1, name.size() - 2) + " of opset " + std::to_string(version) + " (" + std::to_string(found.count) +
            (found.count == 1 ? " node: " : " nodes: ");
    for (size_t i = 0; i < found.nodes.size(); ++i) text += (i > 0 ? ", " : "") + quoted(found.nodes[i]);
    text += found.count > static_cast<int64_t>(found.nodes.size()) ? ", …)" : ")";
    if (!reason.empty()) text += ", " + reason;
  }
  throw Error(ErrorCode::kUnsupported, text, std::string(where), std::string(fix));
}

}  // namespace omni::formats
