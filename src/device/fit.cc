#include "device/fit.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>

#include "core/error.h"

namespace omni::device {

namespace {

// So often a lever is pulled further: what it frees is known only when it is planned.
constexpr int kPulls = 6;
// Beyond what is missing: a plan itself takes more where more is given up.
constexpr int64_t kSlack = 1 << 16;

std::string megabytes(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g MB", static_cast<double>(bytes) * 1e-6);
  return text;
}

class Fitter {
 public:
  Fitter(std::shared_ptr<const Graph> graph, std::span<const Shape> shapes, Isa isa, const FitOptions& options)
      : graph_(std::move(graph)), shapes_(shapes), isa_(isa), options_(options) {}

  Fit run() {
    runtime::Levers levers = start();
    if (attempt(levers) || !options_.missing) return finish();
    if (options_.training) {
      recompute(levers);
    } else {
      pack_less(levers);
    }
    return finish();
  }

 private:
  struct Tried {
    runtime::Levers levers;
    Workload work;
    runtime::Saved saved;
    int64_t missing = 0;
  };

  runtime::Levers start() const {
    runtime::Levers levers;
    levers.order = options_.training;
    return levers;
  }

  // Whether it fits. What it takes is kept where it takes less than the others; so is that memory ran out.
  bool attempt(const runtime::Levers& levers) {
    const auto saved = std::make_shared<runtime::Saved>();
    Tried now{levers, {}, {}, 0};
    try {
      now.work = plan_workload(graph_, shapes_, isa_, levers, saved);
    } catch (const std::bad_alloc&) {
      failure_ = std::current_exception();
      return false;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kMachine) throw;
      failure_ = std::current_exception();
      return false;
    }
    if (options_.missing) now.missing = options_.missing(now.work.memory);
    now.saved = *saved;
    last_missing_ = now.missing;
    last_arena_ = now.work.memory.arena;
    if (!first_) first_ = now;
    if (!best_ || better(now, *best_)) best_ = std::move(now);
    return last_missing_ <= 0;
  }

  // Of two that fit the one that packs less in each run, else what misses less.
  static bool better(const Tried& a, const Tried& b) {
    if (a.missing <= 0 && b.missing <= 0) return a.levers.unpacked_bytes < b.levers.unpacked_bytes;
    return a.missing < b.missing;
  }

  // Until it fits, or the arena no longer becomes as small as is asked for.
  void recompute(runtime::Levers levers) {
    if (!best_) return;
    int64_t arena = best_->work.memory.arena;
    for (int i = 0; i < kPulls; ++i) {
      arena -= best_->missing + kSlack;
      levers.arena_bytes = std::max<int64_t>(1, arena);
      last_arena_ = 0;
      if (attempt(levers) || last_arena_ > levers.arena_bytes) return;
    }
  }

  void pack_less(runtime::Levers levers) {
    levers.order = true;
    if (attempt(levers)) return;
    for (int i = 0; best_ && i < kPulls; ++i) {  // up from nothing
      const int64_t before = best_->missing;
      levers.unpacked_bytes += before + kSlack;
      if (attempt(levers)) return;
      if (best_->missing >= before) break;
    }
    levers.unpacked_bytes = INT64_MAX;
    if (attempt(levers)) pack_more(levers);
  }

  // Down from everything, where memory ran out before it was known how much is missing.
  void pack_more(runtime::Levers levers) {
    levers.unpacked_bytes = best_->saved.weight_bytes + best_->missing;
    for (int i = 0; levers.unpacked_bytes > 0 && levers.unpacked_bytes < best_->saved.weight_bytes && i < kPulls; ++i) {
      last_missing_ = 0;
      if (attempt(levers) || last_missing_ <= 0) return;  // it fits, or memory ran out
      levers.unpacked_bytes += last_missing_;
    }
  }

  Fit finish() {
    if (!best_) std::rethrow_exception(failure_);
    Fit result{best_->levers, std::move(best_->work), {}, best_->missing};
    tell(result);
    return result;
  }

  void tell(Fit& fit) const {
    const runtime::Saved& saved = best_->saved;
    const int64_t all = first_->levers == start() ? first_->missing - best_->missing : 0, alive = saved.alive_before - saved.alive_after;
    const auto add = [&](std::string text, int64_t bytes, double more = 0) { fit.savings.push_back({std::move(text), bytes, more}); };
    const int64_t rest = std::max<int64_t>(0, options_.training ? all : all - std::max<int64_t>(0, alive));  // beyond what the order saves
    if (!options_.missing || fit.levers == start()) return;
    if (!options_.training && alive > 0) add("runs its nodes in an order that keeps less alive", alive);
    if (saved.unpacked_weights > 0) {
      add("packs " + megabytes(saved.unpacked_bytes) + " of weights in each run, of " + std::to_string(saved.unpacked_weights) + (saved.unpacked_weights == 1 ? " node" : " nodes"),
          rest);
    }
    if (saved.recomputed > 0) {
      const double more = saved.operations > 0 ? static_cast<double>(saved.more_operations) / static_cast<double>(saved.operations) : 0;
      char share[32];
      std::snprintf(share, sizeof share, "%.3g %%", more * 100);
      add("computes " + std::to_string(saved.recomputed) + " of " + std::to_string(saved.recomputed + saved.kept) + " activations again: " + share + " more operations", rest, more);
    }
  }

  std::shared_ptr<const Graph> graph_;
  std::span<const Shape> shapes_;
  Isa isa_;
  const FitOptions& options_;
  std::optional<Tried> first_, best_;
  int64_t last_missing_ = 0, last_arena_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

Fit fit(std::shared_ptr<const Graph> graph, std::span<const Shape> shapes, Isa isa, const FitOptions& options) {
  return Fitter(std::move(graph), shapes, isa, options).run();
}

}  // namespace omni::device
