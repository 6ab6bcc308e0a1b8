# Rscript read.R json SITE, or csv ADDRESS: how many releases R reads, and how many distinct ones
words <- commandArgs(trailingOnly = TRUE)
if (words[1] == "json") {
  library(jsonlite)
  ids <- c()
  url <- paste0(words[2], "/archive/releases.json?_shape=objects&_size=100&_nocol=body&_nocol=body_html")
  while (!is.null(url)) {
    page <- fromJSON(url)
    ids <- c(ids, page$rows$id)
    url <- page$next_url
  }
} else {
  ids <- read.csv(words[2], encoding = "UTF-8")$id
}
cat(length(ids), "rows,", length(unique(ids)), "keys\n")
