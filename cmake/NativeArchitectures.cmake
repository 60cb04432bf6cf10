# What CMake found for "native", with "a" where a chip has instructions of its own that the kernels use: wgmma of 9.0 is not
# in code for sm_90.
function(coterie_native_architectures found out)
  string(REGEX REPLACE "(^|;)90(-real)?(;|$)" "\\190a-real\\3" architectures "${found}")
  set(${out} "${architectures}" PARENT_SCOPE)
endfunction()
