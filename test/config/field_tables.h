// The tables of configuration fields on a documentation page.
#pragma once

#include <string>
#include <vector>

namespace sluice::test {

struct DocumentedField {
  std::string section;   // the heading "## ..." above the table
  std::string name;      // as the page writes it, such as "adaptation.alpha"
  std::string range;     // the cell, which other fields may share
  std::string fallback;  // the default
};

// Rows of tables whose head has "field" and "range" columns. The default is in a column of its own, or in a
// column "range, default" after a semicolon. A row may describe several fields: the later ones have the
// first one's prefix, and either a default each, separated by commas, or a common one.
std::vector<DocumentedField> documentedFields(const std::string& page);

}  // namespace sluice::test
