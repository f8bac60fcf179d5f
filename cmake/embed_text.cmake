# cmake -DINPUT=file -DOUTPUT=file.cc -DHEADER=name.h -DNAMESPACE=a::b -DFUNCTION=name -P embed_text.cmake
# Writes a source file whose function returns the bytes of INPUT as a string_view.
file(READ "${INPUT}" hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE "${OUTPUT}"
"#include \"${HEADER}\"

namespace ${NAMESPACE} {

namespace {
constexpr unsigned char kBytes[] = {
${bytes}
};
}

std::string_view ${FUNCTION}() { return {reinterpret_cast<const char*>(kBytes), sizeof kBytes}; }

}  // namespace ${NAMESPACE}
")
