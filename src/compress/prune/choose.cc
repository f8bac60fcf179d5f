#include "compress/prune/choose.h"

#include <algorithm>
#include <cmath>

namespace omni::compress {

namespace {

struct Unit {
  double score = 0;
  int64_t index = 0;
  uint32_t layer = 0;
  int32_t elements = 0;
};

constexpr double kLargest = 1e250;  // in place of what is not finite: stays, and sums of it are numbers

bool lower(const Unit& a, const Unit& b) {
  if (a.score != b.score) return a.score < b.score;
  return a.layer != b.layer ? a.layer < b.layer : a.index < b.index;
}

// Mean squares; -1 for what is pruned already.
std::vector<Unit> scored(uint32_t layer, const PatternUnits& units, std::span<const float> weights, const std::vector<bool>& before) {
  std::vector<Unit> result;
  for (int64_t u = 0; u < units.count(); ++u) {
    double sum = 0;
    bool kept = false;
    int32_t elements = 0;
    units.each(u, [&](size_t i) {
      kept |= before.empty() || before[i];
      sum += static_cast<double>(weights[i]) * weights[i];
      ++elements;
    });
    const double mean = sum / elements;
    result.push_back({!kept ? -1 : std::isfinite(mean) ? mean : kLargest, u, layer, elements});
  }
  return result;
}

void lamp(std::vector<Unit>& units) {
  std::sort(units.begin(), units.end(), lower);
  double not_smaller = 0;
  for (auto u = units.rbegin(); u != units.rend(); ++u) {
    if (u->score < 0) continue;
    const double square = u->score * static_cast<double>(u->elements);
    not_smaller += square;
    u->score = not_smaller > 0 ? square / not_smaller : 0;
  }
}

// The lowest units until `elements` are gone, or nearly: the unit that would pass it goes if that is nearer. `left` bounds what each layer may lose.
void prune_lowest(std::vector<Unit> units, double elements, std::vector<int64_t>& left, const std::vector<PatternUnits>& all, std::vector<std::vector<bool>>& masks) {
  std::sort(units.begin(), units.end(), lower);
  double gone = 0;
  for (const Unit& unit : units) {
    const auto size = static_cast<double>(unit.elements);
    if (unit.score >= 0 && gone + size / 2 > elements) break;
    if (unit.elements > left[unit.layer]) continue;
    left[unit.layer] -= unit.elements;
    all[unit.layer].each(unit.index, [&](size_t i) { masks[unit.layer][i] = false; });
    gone += size;
  }
}

void prune_n_of_m(const PatternUnits& units, std::span<const float> weights, const std::vector<bool>& before, const Pattern& pattern,
                  std::vector<bool>& mask) {
  const auto size = [&](size_t i) { return !before.empty() && !before[i] ? -1.0F : std::fabs(weights[i]); };
  std::vector<size_t> order;
  for (int64_t u = 0; u < units.count(); ++u) {
    order.clear();
    units.each(u, [&](size_t i) { order.push_back(i); });
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return size(a) > size(b); });
    for (size_t i = static_cast<size_t>(pattern.keep); i < order.size(); ++i) mask[order[i]] = false;
  }
}

}  // namespace

std::vector<std::vector<bool>> choose_weights(std::span<const PruneLayer> layers, std::span<const std::span<const float>> weights,
                                              const std::vector<std::vector<bool>>& before, const Pattern& pattern, PruneScope scope, double sparsity) {
  std::vector<PatternUnits> all;
  std::vector<std::vector<bool>> masks;
  std::vector<Unit> together;
  std::vector<int64_t> left;
  int64_t total = 0;
  for (uint32_t l = 0; l < layers.size(); ++l) {
    all.emplace_back(layers[l].layout, pattern);
    masks.emplace_back(weights[l].size(), true);
    if (pattern.chooses()) {
      prune_n_of_m(all[l], weights[l], before.empty() ? std::vector<bool>() : before[l], pattern, masks[l]);
      continue;
    }
    std::vector<Unit> units = scored(l, all[l], weights[l], before.empty() ? std::vector<bool>() : before[l]);
    const int64_t count = layers[l].layout.count(), one = units.empty() ? 0 : units.front().elements;
    left.push_back(std::min(static_cast<int64_t>(layers[l].most * static_cast<double>(count)), count - one));
    total += count;
    if (scope == PruneScope::kLayer) {
      prune_lowest(std::move(units), std::min(sparsity, layers[l].most) * static_cast<double>(count), left, all, masks);
      continue;
    }
    if (scope == PruneScope::kLamp) lamp(units);
    together.insert(together.end(), units.begin(), units.end());
  }
  if (!together.empty()) prune_lowest(std::move(together), sparsity * static_cast<double>(total), left, all, masks);
  return masks;
}

}  // namespace omni::compress
