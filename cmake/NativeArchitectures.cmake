# What CMake found for "native", with "a" where a chip has instructions of its own that the kernels use: wgmma of 9.0 is not
# in code for sm_90. Where no GPU answered CMake finds a sentence instead: then the others.
function(coterie_native_architectures found others out)
  if(found MATCHES "^[0-9]+a?(-real)?(;[0-9]+a?(-real)?)*$")
    string(REGEX REPLACE "(^|;)90(-real)?(;|$)" "\\190a-real\\3" architectures "${found}")
  else()
    set(architectures "${others}")
  endif()
  set(${out} "${architectures}" PARENT_SCOPE)
endfunction()
