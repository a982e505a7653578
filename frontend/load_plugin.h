// Plug-ins: shared objects whose tables join Keratin's own.
#pragma once

#include <string>

namespace keratin {

/// Loads the plug-in, which stays for as long as the program runs: its classes are then known to all that reads, makes and trains models.
/// It is code, and is run. Not while another thread reads models.
///
/// Throws Error: no_input if there is no such file or a function that it needs is not there, data if it is no plug-in, or one
/// for another version of Keratin, usage if a class of its has a name that is taken. Nothing of it is known then.
void load_plugin(const std::string& path);

}  // namespace keratin
