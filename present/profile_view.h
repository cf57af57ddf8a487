// present/profile_view.h - allocation sites by what lives of them, most first.
#pragma once

#include "inspect/object/heap_profile.h"
#include "present/document.h"

namespace strata {

struct ProfileView {
  enum class Rows { kWidest, kAll } rows = Rows::kWidest;
};

Document view(const HeapProfile& profile, const ProfileView& how);

}  // namespace strata
