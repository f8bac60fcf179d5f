// Copies rows of A (patches of an image, or rows that need flipping or padding) into a block that a tile can read.
// Included by the files of an instruction set inside the anonymous namespace of their own, after their Copier: copy_short (a run of at
// most 16 elements, its length given at construction), copy and fill. They may write up to 64 bytes beyond the run (a later run
// repairs it; blocks have that much slack) and do not read beyond the end given.

// Where reading must stop: one past the last byte of the last pixel.
inline const uint8_t* end_of(const Int8Rows& a) {
  const int64_t pixels = a.out_height * a.out_width, images = pixels == 0 ? 0 : (a.rows + pixels - 1) / pixels;
  return a.data + (images - 1) * a.image_stride + (a.height - 1) * a.row_stride + (a.width - 1) * a.pixel_stride + a.channels;
}

// A patch that is not wholly inside, or whose taps do not touch.
template <class Copier>
[[gnu::noinline]] void gather_patch(const Int8Rows& a, const Copier& copier, const uint8_t* image, int64_t y0, int64_t x0,
                                    typename Copier::Element* out) {
  const int64_t run = a.kernel_width * a.channels;
  const bool dense = a.dilation_x == 1 && a.pixel_stride == a.channels;
  // Taps [first, last) of a kernel row lie inside the image (dense only).
  const int64_t first = x0 < 0 ? (-x0 < a.kernel_width ? -x0 : a.kernel_width) : 0;
  const int64_t room = a.width - x0, last = room < a.kernel_width ? (room > first ? room : first) : a.kernel_width;
  for (int64_t ky = 0; ky < a.kernel_height; ++ky, out += run) {
    const int64_t y = y0 + ky * a.dilation_y;
    if (y < 0 || y >= a.height) {
      copier.fill(out, a.pad, run);
      continue;
    }
    const uint8_t* row = image + y * a.row_stride + x0 * a.pixel_stride;
    if (dense) {
      if (first > 0) copier.fill(out, a.pad, first * a.channels);
      if (last > first) copier.copy(out + first * a.channels, row + first * a.channels, (last - first) * a.channels);
      if (last < a.kernel_width) copier.fill(out + last * a.channels, a.pad, (a.kernel_width - last) * a.channels);
      continue;
    }
    for (int64_t kx = 0; kx < a.kernel_width; ++kx) {
      const int64_t x = x0 + kx * a.dilation_x;
      if (x < 0 || x >= a.width) copier.fill(out + kx * a.channels, a.pad, a.channels);
      else copier.copy(out + kx * a.channels, row + kx * a.dilation_x * a.pixel_stride, a.channels);
    }
  }
}

// Rows [begin, stop) into out[stop - begin][depth]; `copies` of each row stand behind one another.
template <class Copier>
inline void gather_rows(const Int8Rows& a, int copies, int64_t depth, int64_t begin, int64_t stop, typename Copier::Element* out) {
  const int64_t run = a.kernel_width * a.channels, kernel_height = a.kernel_height, line = a.dilation_y * a.row_stride, k = a.k();
  const Copier copier(a.flip, run <= 16 ? run : 16, end_of(a));
  if (copies == 1 && depth == k && a.pixel_stride == k && a.contiguous()) {  // rows that follow one another: one run
    copier.copy(out, a.data + begin * k, (stop - begin) * k);
    return;
  }
  const bool dense = a.dilation_x == 1 && a.pixel_stride == a.channels;
  const int64_t pixels = a.out_height * a.out_width, last_x = a.width - a.kernel_width, last_y = a.height - (kernel_height - 1) * a.dilation_y;
  int64_t image = begin / pixels, oy = begin % pixels / a.out_width, ox = begin % a.out_width;
  for (int64_t m = begin; m < stop; ++m, out += depth) {
    const int64_t y0 = oy * a.stride_y - a.pad_top, x0 = ox * a.stride_x - a.pad_left;
    const uint8_t* base = a.data + image * a.image_stride;
    const bool inside = dense && x0 >= 0 && x0 <= last_x && y0 >= 0 && y0 < last_y;
    for (int c = 0; c < copies; ++c) {
      if (!inside) {
        gather_patch(a, copier, base, y0, x0, out + c * k);
        continue;
      }
      const uint8_t* row = base + y0 * a.row_stride + x0 * a.pixel_stride;
      typename Copier::Element* to = out + c * k;
      if (run <= 16) {
        for (int64_t ky = 0; ky < kernel_height; ++ky, to += run, row += line) copier.copy_short(to, row);
      } else {
        for (int64_t ky = 0; ky < kernel_height; ++ky, to += run, row += line) copier.copy(to, row, run);
      }
    }
    if (++ox == a.out_width) {
      ox = 0;
      if (++oy == a.out_height) {
        oy = 0;
        ++image;
      }
    }
  }
}
