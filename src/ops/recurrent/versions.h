// How old and new versions of the recurrent operators differ.
#pragma once

#include "core/error.h"
#include "ops/op_list.h"

namespace omni::ops {

// Before opset 7 an attribute said whether Y is wanted; its name among the outputs says so as well.
inline void upgrade_output_sequence(Graph&, NodeDraft& draft) { draft.attributes.erase("output_sequence"); }

inline void lower_layout(const Graph&, NodeDraft& draft) {
  if (draft.attributes.get_int("layout", 0) != 0) {
    throw Error(ErrorCode::kUnsupported, "layout 1 needs opset 14", draft.name, "export with opset 14 or newer");
  }
  draft.attributes.erase("layout");
}

}  // namespace omni::ops
