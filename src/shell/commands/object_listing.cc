#include "shell/commands/object_listing.h"

#include "shell/escape.h"

namespace grpc_os::shell {

void ShowListing(Session& session, const Arguments& arguments, const Listing& listing,
                 ExitCode code, ResourceView<v1::Object> (*view_of)(const std::string& folder),
                 const std::function<std::string(const std::string& folder)>& nothing) {
  if (!session.for_people()) {
    if (code == ExitCode::kOk || !listing.all.objects().empty()) {
      session.ShowList(view_of(session.directory()), listing.all);
    }
    return;
  }
  const bool wide = arguments.Has("long") || session.format() == Format::kWide;
  bool first = listing.objects.empty();
  if (!first) session.Print(view_of(session.directory()).TableOf(listing.objects, wide));
  const bool several = listing.folders.size() > 1 || !listing.objects.empty();
  for (const auto& [folder, objects] : listing.folders) {
    if (several) session.out() << (first ? "" : "\n") << EscapeForTerminal(folder) << ":\n";
    first = false;
    if (objects.empty()) {
      session.Hint(nothing(EscapeForTerminal(folder)));
    } else {
      session.Print(view_of(folder).TableOf(objects, wide));
    }
  }
}

}  // namespace grpc_os::shell
