"""The options that describe an offer."""

from typing import Annotated

import typer

Pictures = Annotated[
    list[str], typer.Argument(metavar="PICTURE...", help="The listing's pictures. - is standard input.")
]
Seller = Annotated[str, typer.Option("--shop", help="The shop's id on the marketplace.")]
Channel = Annotated[str, typer.Option("--marketplace", help="The marketplace's name, like market.example.")]
Territory = Annotated[str, typer.Option(help="Country of the offer, like FR.")]
Goods = Annotated[str, typer.Option(help="Nice classes, comma-separated.")]
Price = Annotated[str | None, typer.Option(help='Amount and currency, as "19.90 EUR".')]
Currency = Annotated[str | None, typer.Option(help="Currency of a price that is a number.")]
Day = Annotated[
    str | None, typer.Option("--on", metavar="DATE", help="Day of the offer. Default: today in UTC.")
]
Certificate = Annotated[str | None, typer.Option(help="Code or address on the label, if shown.")]
Reference = Annotated[
    str | None, typer.Option(help="Your listing ID. Checking the same ID again replaces the earlier result.")
]
Url = Annotated[str | None, typer.Option(help="Address of the listing. Never opened.")]
Title = Annotated[str | None, typer.Option(help="Title of the listing.")]
Description = Annotated[str | None, typer.Option(help="Text of the listing.")]
Language = Annotated[str | None, typer.Option(help="Language of the texts, like de.")]
SellerName = Annotated[str | None, typer.Option(help="The seller's name that buyers read.")]
Gtin = Annotated[str | None, typer.Option(help="GTIN of the product.")]
Sold = Annotated[str | None, typer.Option("--sold-30d", help="Units sold in the last 30 days.")]
Stock = Annotated[str | None, typer.Option(help="Units in stock.")]
Rank = Annotated[str | None, typer.Option(help="Place in the results of --query, from 1.")]
Query = Annotated[str | None, typer.Option(help="Search that found the listing.")]
